"""The outcome log: what people did about customers at risk, and the results.

The log is permanent, so its stored columns must stay readable.

- `log`: the log itself.
- `customers`: looks up customers.
- `imports`: imports many outcomes from a file (`files`, `workbook`).
- `commands`: implements `churn outcome`.
"""
