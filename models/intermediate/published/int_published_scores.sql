-- one row per published date and customer: the first publication of each date
with

published_scores as (

    select * from {{ ref('stg_store__published_scores') }}

),

customers as (

    select * from {{ ref('int_customers') }}

),

-- the store outlives the data: publications of another company are not part of this history
recognised as (

    select
        published_scores.publication_id,
        published_scores.as_of_date,
        published_scores.published_at,
        count(*) as published_customers,
        count(customers.customer_id) as known_customers
    from published_scores
    left join customers
        on published_scores.customer_id = customers.customer_id
        and published_scores.start_date = customers.start_date
    group by
        published_scores.publication_id,
        published_scores.as_of_date,
        published_scores.published_at

),

first_publications as (

    select publication_id
    from recognised
    where 2 * known_customers >= published_customers
    qualify
        row_number() over (partition by as_of_date order by published_at, publication_id) = 1

),

first_scores as (

    select published_scores.*
    from published_scores
    inner join first_publications
        on published_scores.publication_id = first_publications.publication_id

)

select * from first_scores
