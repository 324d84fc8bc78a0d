-- every row that arrived is staged, rejected or an exact duplicate; none is lost
select *
from {{ ref('row_reconciliation') }}
where rows_in != rows_staged + rows_rejected + exact_duplicates + rows_pending
