-- one row per customer and message that speaks of leaving; empty: nothing reads ticket text yet
select
    cast(null as varchar) as customer_id,
    cast(null as date) as intent_date
where false
