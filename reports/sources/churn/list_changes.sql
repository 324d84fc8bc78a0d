select * from marts.list_changes
