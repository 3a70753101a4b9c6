"""A plan past one machine: what a programme of a given size needs, from what one operation was measured to cost.

```
measured.json   what the newest `coalition scale measure` found on one machine; the plan's only figures
figures.py      its types; reading it; the hub's and the database's CPU by messages, operations and batches    pure
fit.py          costs of each part from runs that mix them in different shares                                pure
programme.py    a programme's size, its shoppers' habits, prices: what is assumed, and why                    pure
demand.py       operations, messages and lots a day and in the busiest second                                 pure
lane.py         batches of a lane: how large they get, how long they wait, when the lane is full              pure
plan.py         hubs, workers, disk, money                                                                    pure
breaks.py       what breaks first                                                                             pure
comparison.py   the simulation beside what the hub did                                                         pure
simulation.py   tills, hubs, lanes and group commit as discrete events                                        pure
tables.py       the plan as tables
charts.py       the plan as drawings
drawing.py      a chart of lines as SVG                                                                       pure
document.py     the tables' places in docs/scale.md
write_path.py   measures batches, rows, lots and cards on the real write path
through_http.py measures messages through HTTP, and the simulation against them
bill.py         measures the close and its documents
measure.py      all measurements, one after the other
```
"""
