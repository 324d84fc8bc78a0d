-- one row per customer: the next date on which it can leave for good, as far as the data shows
with

as_of_dates as (

    select *
    from {{ ref('int_as_of_dates') }}
    where is_current

),

customers as (

    select * from {{ ref('int_customers') }}

),

terms as (

    select
        customers.customer_id,
        customers.start_date,
        customers.auto_renew_flag,
        as_of_dates.as_of_date,
        -- a past renewal date does not predict the next one
        case
            when customers.renewal_date >= as_of_dates.as_of_date then customers.renewal_date
        end as known_renewal_date,
        case lower(customers.billing_frequency)
            when 'monthly' then 1
            when 'quarterly' then 3
            else 12
        end as months,
        {{ months_between('customers.start_date', 'as_of_dates.as_of_date') }} as months_since_start
    from customers
    cross join as_of_dates

),

anniversaries as (

    select
        *,
        {{ months_after('start_date', 'months_since_start - months_since_start % months') }}
            as this_anniversary,
        {{ months_after(
            'start_date', 'months_since_start - months_since_start % months + months'
        ) }} as next_anniversary
    from terms

),

dated as (

    select
        *,
        coalesce(
            known_renewal_date,
            case when this_anniversary >= as_of_date then this_anniversary else next_anniversary end
        ) as next_renewal_date
    from anniversaries

),

renewals as (

    select
        customer_id,
        next_renewal_date,
        known_renewal_date is null as is_renewal_estimated,
        {{ days_between('as_of_date', 'next_renewal_date') }} as days_to_renewal,
        coalesce(auto_renew_flag, true) as renews_by_itself,
        -- monthly customers can leave every month, so an estimated month is not a near renewal
        coalesce(not auto_renew_flag, false)
        or (
            {{ days_between('as_of_date', 'next_renewal_date') }}
            <= {{ var('renewal_notice_days') }}
            and (known_renewal_date is not null or months > 1)
        ) as is_renewal_near
    from dated

)

select * from renewals
