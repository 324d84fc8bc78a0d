-- a table without rows has one of nulls: Evidence cannot read an empty file
select rows.* from (select 1) as one left join config.issue_kinds as rows on true
