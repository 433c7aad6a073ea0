package statement

import "strings"

// The functions that read nothing but their arguments and the clock, write
// nothing, run no text as SQL and wait for nobody.
const (
	everywhere = `abs avg ceil ceiling coalesce concat concat_ws count cume_dist dense_rank exp first_value floor
		greatest lag last_value lead least length ln log lower ltrim max min mod nth_value ntile nullif
		percent_rank pi pow power radians degrees rank replace round row_number rtrim sign sqrt substr substring
		sum trim upper sin cos tan asin acos atan atan2 cast`

	inPostgres = `age array_agg array_append array_cat array_length array_lower array_position array_positions
		array_prepend array_remove array_replace array_to_json array_to_string array_upper arraycontains
		bit_and bit_length bit_or bool_and bool_or btrim cardinality cbrt char_length character_length chr ascii
		clock_timestamp corr covar_pop covar_samp cot date date_bin date_part date_trunc decode div encode every
		extract gcd lcm gen_random_uuid generate_series generate_subscripts grouping height host
		initcap isempty isfinite json_agg json_array_elements json_array_elements_text json_array_length
		json_build_array json_build_object json_each json_each_text json_extract_path json_extract_path_text
		json_object json_object_agg json_object_keys json_strip_nulls json_typeof jsonb_agg jsonb_array_elements
		jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_each jsonb_each_text
		jsonb_extract_path jsonb_extract_path_text jsonb_object jsonb_object_agg jsonb_object_keys jsonb_path_exists
		jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set
		jsonb_insert jsonb_strip_nulls jsonb_typeof justify_days justify_hours justify_interval left 		lower_inc lower_inf upper_inc upper_inf make_date make_interval make_time make_timestamp make_timestamptz
		masklen md5 mode network normalize now num_nonnulls num_nulls octet_length overlaps overlay percentile_cont
		percentile_disc phraseto_tsquery plainto_tsquery position quote_ident quote_literal quote_nullable random
		regexp_count regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
		regexp_split_to_table regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope reverse
		right row_to_json scale sha224 sha256 sha384 sha512 split_part starts_with statement_timestamp stddev
		stddev_pop stddev_samp string_agg string_to_array string_to_table strpos text timeofday timezone to_char
		to_date to_hex to_json to_jsonb to_number to_timestamp to_tsquery to_tsvector transaction_timestamp translate
		trim_scale trunc ts_headline ts_rank ts_rank_cd unnest var_pop var_samp variance version
		websearch_to_tsquery width width_bucket pg_catalog.like_escape pg_catalog.similar_to_escape
		current_date current_time current_timestamp localtime localtimestamp`

	inMySQL = `adddate addtime ascii bin bit_and bit_count bit_length bit_or bit_xor char_length character_length
		conv convert convert_tz cot crc32 curdate current_date current_time current_timestamp curtime date date_add
		date_format date_sub datediff day dayname dayofmonth dayofweek dayofyear elt extract field find_in_set 		from_base64 from_days from_unixtime group_concat grouping hex hour if ifnull inet_aton inet_ntoa insert instr
		interval isnull json_array json_arrayagg json_contains json_contains_path json_depth json_extract json_keys
		json_length json_object json_objectagg json_overlaps json_quote json_search json_type json_unquote json_valid
		json_value last_day lcase left localtime localtimestamp locate log10 log2 makedate maketime md5
		microsecond mid minute month monthname now oct octet_length ord period_add period_diff position quarter rand
		regexp_instr regexp_like regexp_replace regexp_substr reverse right sec_to_time second sha sha1 sha2
		std stddev stddev_pop stddev_samp str_to_date strcmp subdate substring_index subtime time time_format
		time_to_sec timediff timestamp timestampadd timestampdiff to_base64 to_days to_seconds truncate ucase unhex
		unix_timestamp utc_date utc_time utc_timestamp uuid values var_pop var_samp variance version week weekday
		weekofyear year yearweek`

	inSQLite = `char current_date current_time current_timestamp date datetime glob group_concat hex
		ifnull iif instr json json_array json_array_length json_each json_extract json_group_array json_group_object
		json_insert json_object json_quote json_remove json_replace json_set json_tree json_type
		json_valid julianday like log10 log2 quote random strftime string_agg time timediff total trunc
		typeof unhex unicode unixepoch bm25 highlight snippet sqlite_version`

	// Types of PostgreSQL whose input and output functions do nothing else. Not
	// among them: the reg types, which look names up, and xml.
	plainTypes = `bool int2 int4 int8 float4 float8 numeric decimal real text varchar bpchar char date time timetz
		timestamp timestamptz interval json jsonb jsonpath uuid bytea inet cidr macaddr bit varbit money point box
		line lseg circle polygon path int4range int8range numrange daterange tsrange tstzrange tsvector tsquery
		integer bigint smallint int string name`

	plainOperators = `+ - * / % ^ |/ ||/ @ & | # ~ << >> = <> != < > <= >= || ~~ !~~ ~~* !~~* ~* !~ !~* ~=
		-> ->> #> #>> @> <@ ? ?| ?& #- @? @@ && -|- &< &> <-> ^@ ## <<= >>= && &&& |&> <<| |>> &<| @-@ @@@`
)

//nolint:gochecknoglobals // tables; read-only
var (
	harmless = map[Dialect]map[string]bool{
		Postgres: set(everywhere, inPostgres),
		MySQL:    set(everywhere, inMySQL),
		SQLite:   set(everywhere, inSQLite),
	}
	types     = set(plainTypes)
	operators = set(plainOperators)
)

func set(lists ...string) map[string]bool {
	m := map[string]bool{}
	for _, list := range lists {
		for word := range strings.FieldsSeq(list) {
			m[word] = true
		}
	}
	return m
}
