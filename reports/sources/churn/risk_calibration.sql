select * from marts.risk_calibration
