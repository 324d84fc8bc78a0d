-- one row per account in the backtest: how often each bootstrap replicate draws it
with

outcomes as (

    select * from {{ ref('int_backtest_outcomes') }}

),

accounts as (

    select account_id
    from outcomes
    group by account_id

),

account_hashes as (

    select
        account_id,
        {{ each_replicate("left(md5(account_id || '|{n}'), 8)", 'hash_{n}') | indent(4) }}
    from accounts

),

weights as (

    select
        account_id,
        {{ each_replicate(
            'cast(' ~ poisson_weight('hash_{n}') ~ ' as smallint)', 'weight_{n}'
        ) | indent(4) }}
    from account_hashes

)

select * from weights
