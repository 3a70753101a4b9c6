"""The benchmark: how fast the hub is, as ratios to ceilings and a peer measured in the same run.

```
sizes.py      how much of everything a run does
workload.py   operations and messages, by a seeded rule                    pure
figures.py    medians, percentiles, ratios                                 pure
generator.py  the load generator, a process of its own: signs, sends, counts
bare.py       B3's ceiling, a process of its own: read, verify, sign, nothing else
ceiling.py    B1's ceiling: COPY of the journal's own rows
peer.py       B2's peer: one posting per transaction, a row per partner
world.py      an embedded database with partners and members, and a hub on it
processor.py  seconds of CPU by process
measure.py    the rounds, the parts taken in turn
report.py     the outcome as a document, and as a table with words
```
"""
