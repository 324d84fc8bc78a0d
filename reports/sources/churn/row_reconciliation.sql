select * from quality.row_reconciliation
