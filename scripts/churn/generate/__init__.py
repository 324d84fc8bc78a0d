"""Generates a sample company: customers whose churn has a known cause.

Most changes here change the bundled sample; regenerate it with `make sample`.

settings    the options; the causes of churn
population  accounts and subscriptions
dynamics    how customers change from one period of 30 days to the next
history     usage rows, tickets, ends of subscriptions, and the truth behind them
messages    the texts of tickets (words in `names` and `phrases`)
tables      the history in the columns of the source tables
truth       the causes, in separate tables; `oracle`: the best possible AUC
faults      faults as in real exports
run         writes the blocks of accounts to a folder, one by one (`folder`, `writers`)
volume      a simpler company of any size, for measurements (`volume_world`, `volume_tables`)
"""

from churn.generate.oracle import Auc, area_under_curve
from churn.generate.run import generate, write_seeds
from churn.generate.settings import Summary

__all__ = ["Auc", "Summary", "area_under_curve", "generate", "write_seeds"]
