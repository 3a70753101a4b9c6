"""A plan past one machine: what a programme of a given size needs, from what one operation was measured to cost.

```
measured.json    what the newest `coalition scale measure` found on one machine; the plan's only figures
figures.py       its types; reading it; the hub's and the database's CPU by messages, operations and batches
fit.py           costs of each part from runs that mix them in different shares
programme.py     a programme's size, its shoppers' habits, prices: what is assumed, and why
demand.py        operations, messages and lots a day and in the busiest second
lane.py          batches of a lane: how large they get, how long they wait, when the lane is full
plan.py          hubs, database machines, disk, money
breaks.py        what breaks first
simulation.py    tills, hubs, lanes and group commit as discrete events
comparison.py    the simulation beside what the hub did
tables.py        the plan as tables
drawing.py       a chart of lines as SVG
charts.py        the plan as drawings
document.py      the tables' places in docs/scale.md

write_path.py    measures messages, rows, lots and cards on the real write path
many_lanes.py    measures look-ups, closes and totals of many lanes
through_http.py  measures messages through HTTP, by shape and by load
bill.py          measures a window's calculation and documents
measure.py       all measurements, one after the other
```

All above the empty line is pure, but for reading the file.
"""
