select * from marts.backtest_verdicts
