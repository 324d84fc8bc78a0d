select * from marts.risk_backtest
