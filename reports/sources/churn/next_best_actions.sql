-- of the customers who have a page; a table without rows has one of nulls:
-- Evidence cannot read an empty file
select rows.*
from (select 1) as one
left join (
    select * from marts.next_best_actions
    where customer_id in (select customer_id from marts.customer_pages)
) as rows on true
order by rows.customer_id, rows.step_number
