"""The sample generator: an invented company's customers, whose churn has a known cause.

settings    what can be asked for; the causes of churn
population  who there is: accounts and subscriptions
dynamics    how they change from one period of 30 days to the next
history     what happened: usage rows, tickets, ends, and the truth behind them
messages    what the tickets say (words in `names` and `phrases`)
tables      all of it in the columns of the source tables
truth       the causes, kept apart; `oracle`: how well anybody could know
faults      the faults that real exports have
run         one block of accounts after the other, into a folder (`folder`, `writers`)
volume      a simpler company of any size, to measure with (`volume_world`, `volume_tables`)
"""

from churn.generate.oracle import Auc, area_under_curve
from churn.generate.run import generate, write_seeds
from churn.generate.settings import Summary

__all__ = ["Auc", "Summary", "area_under_curve", "generate", "write_seeds"]
