-- a table without rows has one of nulls: Evidence cannot read an empty file
select rows.* from (select 1) as one left join config.recommended_actions as rows on true
