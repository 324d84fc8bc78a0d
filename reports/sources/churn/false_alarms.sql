select * from marts.false_alarms
