-- one row per dated feed: where it ends, and whether its last week has the usual volume
{%- set daily = {'feature_usage': 'int_usage_days'} %}
{%- set feeds = {'feature_usage': 'Usage', 'support_tickets': 'Support', 'churn_events': none} %}
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_current

),

daily_rows as (

    {% for table_name in feeds -%}
    select
        '{{ table_name }}' as table_name,
        cast({{ saas_table(table_name)['dated_by'] }} as date) as feed_date,
        {{ 'sum(usage_rows)' if table_name in daily else 'count(*)' }} as feed_rows
    from {{ ref(daily.get(table_name, 'stg_saas__' ~ table_name)) }}
    group by 2
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

feeds as (

    {% for table_name, title in feeds.items() -%}
    select
        '{{ table_name }}' as table_name,
        {{ sql_text(title) if title else 'cast(null as string)' }} as title,
        as_of_date
    from as_of_dates
    {%- if not loop.last %}

    union all

    {% endif %}
    {%- endfor %}

),

spans as (

    select
        feeds.table_name,
        feeds.title,
        feeds.as_of_date,
        min(daily_rows.feed_date) as first_date,
        max(daily_rows.feed_date) as last_date,
        -- the number of whole weeks before the last 7 days, at most 8
        cast(greatest(0, least(8, floor({{ days_between(
            'coalesce(min(daily_rows.feed_date), feeds.as_of_date)', 'feeds.as_of_date - 6'
        ) }} / 7.0))) as bigint) as usual_weeks
    from feeds
    left join daily_rows
        on feeds.table_name = daily_rows.table_name
        and daily_rows.feed_date <= feeds.as_of_date
    group by feeds.table_name, feeds.title, feeds.as_of_date

),

volumes as (

    select
        spans.table_name,
        coalesce(cast(sum(daily_rows.feed_rows) filter (
            where daily_rows.feed_date > spans.as_of_date - 7
        ) as bigint), 0) as rows_last_7d,
        coalesce(cast(sum(daily_rows.feed_rows) filter (
            where daily_rows.feed_date <= spans.as_of_date - 7
        ) as bigint), 0) as rows_usual_weeks
    from spans
    left join daily_rows
        on spans.table_name = daily_rows.table_name
        and daily_rows.feed_date > spans.as_of_date - cast(7 * (spans.usual_weeks + 1) as int)
        and daily_rows.feed_date <= spans.as_of_date
    group by spans.table_name

),

measured as (

    select
        spans.table_name,
        spans.title,
        spans.first_date,
        spans.last_date,
        {{ days_between('spans.last_date', 'spans.as_of_date') }} as days_behind,
        volumes.rows_last_7d,
        {{ share('volumes.rows_usual_weeks', 'spans.usual_weeks') }} as usual_rows_7d,
        -- compared as integers, without rounding
        2 * volumes.rows_last_7d * spans.usual_weeks < volumes.rows_usual_weeks as is_low_volume,
        spans.as_of_date
    from spans
    inner join volumes on spans.table_name = volumes.table_name

),

feed_freshness as (

    select
        table_name,
        first_date,
        last_date,
        days_behind,
        rows_last_7d,
        usual_rows_7d,
        coalesce(days_behind > 0, false) as is_late,
        is_low_volume,
        case
            when title is null then null
            when last_date is null
                then title || ' data has no row up to ' || cast(as_of_date as string)
                    || ': its rules cannot fire.'
            when days_behind > 0
                then title || ' data ends on ' || cast(last_date as string) || ', '
                    || cast(days_behind as string)
                    || case days_behind when 1 then ' day' else ' days' end
                    || ' before the as-of date '
                    || cast(as_of_date as string)
                    || ': customers may look different than they are.'
            when is_low_volume
                then title || ' data of the last 7 days is thin: ' || cast(rows_last_7d as string)
                    || ' rows, usually '
                    || cast(cast(usual_rows_7d as decimal(18, 0)) as string)
                    || ': customers may look as if they were leaving.'
        end as warning
    from measured

)

select * from feed_freshness
order by table_name
