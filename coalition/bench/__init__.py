"""The benchmark: how fast the hub is, as ratios to ceilings and a peer measured in the same run.

```
sizes.py      how much of everything a run does
workload.py   operations, messages and reads, by a seeded rule             pure
figures.py    medians, percentiles, ratios                                 pure
generator.py  the load generator, a process of its own: signs, sends, counts
tills.py      its connections, cheaper than any client
bare.py       the ceilings of B3 and B5, a process of its own: verify, sign, read one row
ceiling.py    B1's ceiling: COPY of the journal's own rows
peer.py       B2's peer: one posting per transaction, a row per partner
world.py      an embedded database with partners and members, and hubs on it
processor.py  seconds of CPU and memory by process
run.py        what the parts share: requests prepared and sent, answers counted and looked at
rounds.py     B1, B2, B3, B5: rounds, their parts taken in turn
windows.py    B4, B6: windows closed and calculated, the hub's memory by then
stages.py     the hub's own functions on the same messages, timed one by one
audit.py      that what was measured was the real thing
measure.py    a whole run
report.py     the outcome as a document, and as a table with words
```
"""
