{#
    95% confidence intervals, clustered by account and in closed form.

    Every figure is linearised: the influence of an account is what it adds to the figure. The
    figure then varies like a sum over A independent accounts: the variance is A / (A - 1) times the
    sum of the squared influences. Influences are decimals, so that sums do not depend on the order
    of the rows. docs/decisions/0021-intervals-in-closed-form.md gives the formulas and their
    sources.
#}

{#
    A floating-point influence of an account with 15 digits. Engines round casts of fractions
    differently, but not casts of whole numbers.
#}
{% macro influence(value) -%}
    cast(
        cast(round(({{ value }}) * cast(1000000000000000 as double)) as decimal(18, 0))
        * cast(0.000000000000001 as decimal(16, 15)) as decimal(18, 15)
    )
{%- endmacro %}

{#
    Aggregate over accounts: half the width of the interval, before scaling. Null for fewer than two
    accounts. `accounts` is the number of accounts behind the figure.
#}
{% macro margin_of_error(influence, accounts='count(*)') -%}
    case
        when {{ accounts }} > 1 then
            {{ t_quantile(accounts ~ ' - 1') }}
            * sqrt(
                cast(sum({{ influence }} * {{ influence }}) as double)
                * {{ accounts }} / ({{ accounts }} - 1)
            )
    end
{%- endmacro %}

{#
    The 97.5% quantile of Student's t: exact for one to three degrees of freedom, then a
    Cornish-Fisher expansion around the normal quantile, at most 0.3% below the exact value.
#}
{% macro t_quantile(degrees_of_freedom) -%}
    case {{ degrees_of_freedom }}
        when 1 then 12.706205
        when 2 then 4.302653
        when 3 then 3.182446
        else
            1.959964 + 2.372271 / ({{ degrees_of_freedom }})
            + 2.822500 / power({{ degrees_of_freedom }}, 2)
            + 2.555852 / power({{ degrees_of_freedom }}, 3)
    end
{%- endmacro %}

{#
    One end of the interval of an AUC. It equals the AUC itself when nothing varies: all scores are
    equal, or every churner scores above, or below, every stayer. `side` is '-' or '+'.
#}
{% macro auc_limit(auc, margin, side) -%}
    case
        when {{ margin }} = 0 then {{ rounded_fraction(auc) }}
        else {{ logit_limit(auc, margin, side) | indent(8) }}
    end
{%- endmacro %}

{#
    One end of the interval of a share, on the logit scale so that it stays between 0 and 1. Null
    when the share is 0 or 1, because the logit is undefined there.
#}
{% macro logit_limit(share, margin, side) -%}
    case
        when {{ share }} > 0 and {{ share }} < 1 then
            {{ rounded_fraction(
                '1 / (1 + exp(-(ln(' ~ share ~ ' / (1 - ' ~ share ~ ')) '
                ~ side ~ ' ' ~ margin ~ ' / (' ~ share ~ ' * (1 - ' ~ share ~ ')))))'
            ) }}
    end
{%- endmacro %}
