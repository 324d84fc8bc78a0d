select * from marts.risk_backtest_by_rule
