-- What the customer told us. Survey answers are events: they have a time, and are in the mirror only where
-- profiling was allowed. An answer given for another purpose is not read. Age, sex, belief and the like
-- are never read, wherever they stand.
-- Signs of a company come from the record of the person, which has no history: for segments, not models.
WITH answers AS (
    SELECT
        customer_id,
        happened_at,
        CASE WHEN properties LIKE '{%' THEN json_extract_string(properties, '$.score') END AS told,
        CASE WHEN properties LIKE '{%' THEN json_extract_string(properties, '$.purpose') END AS purpose
    FROM known_answers
),

-- Whole scores from 0 to 10; anything else counts as an answer without a score.
allowed AS (
    SELECT
        customer_id,
        happened_at,
        CASE
            WHEN told IN ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10')
                THEN CAST(told AS BIGINT)
        END AS score
    FROM answers
    WHERE coalesce(purpose, 'PROFILING') = 'PROFILING'
),

surveyed AS (
    SELECT
        customer_id,
        count(*) AS surveys,
        count(*) FILTER (WHERE happened_at >= $as_of - 365 * 86400) AS surveys_365d,
        max(happened_at) AS answered_at,
        CAST(sum(score) AS DOUBLE) / nullif(count(score), 0) AS survey_score_mean,
        -- Of two answers in one second the kinder one counts as the last.
        arg_max(score, happened_at * 100 + score) AS survey_score_last
    FROM allowed
    GROUP BY customer_id
),

people_read AS (
    SELECT
        customer_id,
        email_domain,
        CASE WHEN traits LIKE '{%' THEN coalesce(
            json_extract_string(traits, '$.company'),
            json_extract_string(traits, '$.company_name'),
            json_extract_string(traits, '$.companyName'),
            json_extract_string(traits, '$.vat_id'),
            json_extract_string(traits, '$.vat_number')
        ) END AS company
    FROM known_people
)

SELECT
    scope.customer_id,
    surveys,
    surveys_365d,
    ($as_of - answered_at) / 86400.0 AS survey_recency_days,
    survey_score_mean,
    survey_score_last,
    CASE WHEN coalesce(company, '') NOT IN ('', 'null', 'false', '0', '{}') THEN 1 ELSE 0 END AS names_company,
    CASE
        WHEN coalesce(email_domain, '') = '' THEN NULL
        WHEN email_domain IN (
            'gmail.com', 'googlemail.com', 'outlook.com', 'hotmail.com', 'hotmail.co.uk', 'live.com', 'msn.com',
            'yahoo.com', 'yahoo.co.uk', 'yahoo.fr', 'yahoo.de', 'ymail.com', 'aol.com', 'icloud.com', 'me.com',
            'mac.com', 'gmx.de', 'gmx.net', 'gmx.at', 'gmx.com', 'web.de', 't-online.de', 'freenet.de', 'mail.com',
            'proton.me', 'protonmail.com', 'orange.fr', 'free.fr', 'laposte.net', 'wanadoo.fr', 'libero.it',
            'btinternet.com', 'sky.com', 'comcast.net', 'verizon.net', 'qq.com', '163.com', 'mail.ru', 'yandex.ru',
            'seznam.cz', 'wp.pl', 'o2.pl', 'ziggo.nl', 'telenet.be', 'bluewin.ch', 'zoho.com', 'fastmail.com'
        ) THEN 0
        ELSE 1
    END AS own_mail_domain
FROM scope
LEFT JOIN surveyed ON surveyed.customer_id = scope.customer_id
LEFT JOIN people_read ON people_read.customer_id = scope.customer_id
