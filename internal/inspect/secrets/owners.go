package secrets

import (
	"regexp"
	"strings"
)

// owned is a kind of credential that has no mark of its own: only the owner's
// name beside it tells it from another number.
type owned struct {
	rule   string // after "secret."
	owners string // words of which one is in the name, separated by blanks; '+' stands for any one separator, or none
	shape  string // of the whole value, RE2
}

// Shapes that many owners use.
const (
	hex32   = `[a-f0-9]{32}`
	hex40   = `[a-f0-9]{40}`
	hex64   = `[a-f0-9]{64}`
	small32 = `[A-Za-z0-9]{32}`
	anyUUID = `[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}`
)

//nolint:gochecknoglobals // a table; read-only
var owners = []owned{
	{"abuseipdb_key", "abuseipdb", `[a-f0-9]{80}`},
	{"adafruit_key", "adafruit", `[\w-]{32}`},
	{"adobe_client_id", "adobe", hex32},
	{"airtable_key", "airtable", `[A-Za-z0-9]{17}`},
	{"algolia_key", "algolia", small32},
	{"alibaba_secret", "alibaba aliyun", `[A-Za-z0-9]{30}`},
	{"amplitude_key", "amplitude", hex32},
	{"asana_client_id", "asana", `[0-9]{16}`},
	{"asana_client_secret", "asana", small32},
	{"atlassian_key", "atlassian confluence jira", `[A-Za-z0-9]{20}[a-f0-9]{4}|[A-Za-z0-9]{24}`},
	{"auth0_client_secret", "auth0", `[\w-]{64}`},
	{"aws_secret_key", "aws amazon secret+access+key", `[A-Za-z0-9/+=]{40}`},
	{"azure_key", "azure cognitive", `[a-f0-9]{32}|[A-Za-z0-9]{52}|[A-Za-z0-9]{84}|[A-Za-z0-9+/]{86}==`},
	{"beamer_key", "beamer", `b_[\w=-]{44}`},
	{"bitbucket_client_id", "bitbucket", small32},
	{"bitbucket_client_secret", "bitbucket", `[\w=-]{64}`},
	{"bitly_token", "bitly", hex40},
	{"bittrex_key", "bittrex", small32},
	{"binance_key", "binance", `[A-Za-z0-9]{64}`},
	{"bugsnag_key", "bugsnag", hex32},
	{"circleci_token", "circleci circle", hex40},
	{"cisco_meraki_key", "meraki", hex40},
	{"cloudflare_key", "cloudflare", `[\w-]{40}`},
	{"cloudflare_global_key", "cloudflare", `[a-f0-9]{37}`},
	{"cloudinary_secret", "cloudinary", `[\w-]{27}`},
	{"codecov_token", "codecov", small32 + `|` + anyUUID},
	{"cohere_key", "cohere co+api", `[A-Za-z0-9]{40}`},
	{"coinbase_token", "coinbase", `[\w-]{64}`},
	{"confluent_key", "confluent", `[A-Za-z0-9]{16}`},
	{"confluent_secret", "confluent", `[A-Za-z0-9+/]{64}`},
	{"contentful_token", "contentful", `[\w=-]{43}`},
	{"coveralls_token", "coveralls", `[A-Za-z0-9]{33}`},
	{"datadog_key", "datadog dd+api dd+app", `[A-Za-z0-9]{40}|` + hex32},
	{"deepl_key", "deepl", anyUUID + `(?::fx)?`},
	{"digitalocean_secret", "digitalocean spaces", `[A-Za-z0-9/+]{43}|` + hex64},
	{"discord_token", "discord", `[MNO][A-Za-z\d_-]{23,27}\.[\w-]{6}\.[\w-]{27,38}|` + hex64},
	{"discord_client_id", "discord", `[0-9]{18,19}`},
	{"discord_client_secret", "discord", `[\w=-]{32}`},
	{"droneci_token", "droneci drone", small32},
	{"dropbox_secret", "dropbox", `[A-Za-z0-9]{15}|[a-z0-9]{11}AAAAAAAAAA[\w=-]{43}|sl\.[\w=-]{135}`},
	{"etsy_token", "etsy", `[A-Za-z0-9]{24}`},
	{"facebook_secret", "facebook instagram", hex32 + `|\d{15,16}(?:\||%7[cC])[\w-]{27,40}`},
	{"fastly_token", "fastly", `[\w=-]{32}`},
	{"finicity_token", "finicity", hex32 + `|[A-Za-z0-9]{20}`},
	{"finnhub_token", "finnhub", `[A-Za-z0-9]{20}`},
	{"firebase_key", "firebase fcm", `[\w-]{39}|[\w-]{152}|AAAA[\w-]{7}:[\w-]{140}`},
	{"flickr_token", "flickr", small32},
	{"freshbooks_token", "freshbooks", `[A-Za-z0-9]{64}`},
	{"freshdesk_key", "freshdesk", `[A-Za-z0-9]{20}`},
	{"gitter_token", "gitter", `[\w-]{40}`},
	{"gocardless_token", "gocardless", `live_[\w=-]{40}`},
	{"google_client_secret", "google gcp youtube gmail", `[\w-]{24}`},
	{"heroku_key", "heroku", anyUUID},
	{"hubspot_key", "hubspot", anyUUID},
	{"intercom_key", "intercom", `[\w=-]{60}`},
	{"ipstack_key", "ipstack ipinfo", hex32 + `|[a-f0-9]{14}`},
	{"jfrog_key", "jfrog artifactory bintray xray", `[A-Za-z0-9]{73}|[A-Za-z0-9]{64}`},
	{"keen_key", "keen+io", `[A-F0-9]{64}|[A-Za-z0-9]{90,140}`},
	{"kraken_token", "kraken", `[A-Za-z0-9/=_+-]{80,90}`},
	{"kucoin_token", "kucoin", `[a-f0-9]{24}|` + anyUUID},
	{"launchdarkly_token", "launchdarkly", `[\w=-]{40}`},
	{"linear_client_secret", "linear", hex32},
	{"linkedin_client_id", "linkedin linked+in", `[A-Za-z0-9]{14}`},
	{"linkedin_client_secret", "linkedin linked+in", `[A-Za-z0-9]{16}`},
	{"looker_key", "looker", `[A-Za-z0-9]{20}|[A-Za-z0-9]{24}`},
	{"mailchimp_key", "mailchimp", hex32 + `-us\d{1,2}`},
	{"mailgun_key", "mailgun", hex32 + `-[a-h0-9]{8}-[a-h0-9]{8}|pubkey-` + hex32 + `|key-` + hex32},
	{"mattermost_token", "mattermost", `[A-Za-z0-9]{26}`},
	{"maxmind_license", "maxmind geoip", `[A-Za-z0-9]{16}`},
	{"messagebird_token", "messagebird message+bird", `[A-Za-z0-9]{25}|` + anyUUID},
	{"mistral_key", "mistral", small32},
	{"netlify_token", "netlify", `[\w=-]{40,46}`},
	{"newrelic_key", "newrelic new+relic", `[a-z0-9]{64}|[a-f0-9]{40}`},
	{"nytimes_token", "nytimes new+york+times newyorktimes", `[\w=-]{32}`},
	{"npm_token", "npm", anyUUID},
	{"okta_token", "okta", `00[\w=-]{40}`},
	{"openweather_key", "openweather openweathermap", hex32},
	{"opsgenie_key", "opsgenie", anyUUID},
	{"pagerduty_key", "pagerduty pager+duty", `[\w+-]{20}|` + hex32},
	{"paypal_secret", "paypal", `[\w-]{80}`},
	{"pinterest_token", "pinterest", `[\w-]{32,64}`},
	{"plaid_client_id", "plaid", `[A-Za-z0-9]{24}`},
	{"plaid_secret", "plaid", `[A-Za-z0-9]{30}`},
	{"postmark_token", "postmark", anyUUID},
	{"privateai_key", "privateai private+ai private-ai", small32},
	{"pubnub_key", "pubnub", `(?:pub|sub|sec)-c-` + anyUUID + `|sec-c-[A-Za-z0-9]{48}`},
	{"pusher_secret", "pusher", `[a-f0-9]{20}`},
	{"rapidapi_key", "rapidapi", `[\w-]{50}`},
	{"rollbar_token", "rollbar", hex32},
	{"sauce_key", "saucelabs sauce", anyUUID},
	{"segment_key", "segment", small32},
	{"sendbird_key", "sendbird", hex40 + `|` + anyUUID},
	{"sentry_token", "sentry", hex64 + `|` + hex32},
	{"shodan_key", "shodan", small32},
	{"sidekiq_secret", "bundle+enterprise bundle+gems contribsys", `[a-f0-9]{8}:[a-f0-9]{8}`},
	{"snyk_token", "snyk", anyUUID},
	{"sonar_token", "sonar sonarqube sonarcloud", `(?:squ_|sqp_|sqa_)?[A-Za-z0-9=_-]{40}`},
	{"sourcegraph_token", "sourcegraph", `[A-Fa-f0-9]{40}`},
	{"spotify_secret", "spotify", hex32},
	{"square_token", "square", `[\w-]{43}|[\w-]{60,64}`},
	{"squarespace_token", "squarespace", anyUUID},
	{"stackhawk_key", "stackhawk hawk", `hawk\.[\w-]{20}\.[\w-]{20}`},
	{"sumologic_id", "sumo sumologic", `su[A-Za-z0-9]{12}`},
	{"sumologic_token", "sumo sumologic", `[A-Za-z0-9]{64}`},
	{"telegram_bot_token", "telegram telegr", `[0-9]{5,16}:[\w-]{34,36}`},
	{"travis_token", "travis", `[\w-]{22}`},
	{"trello_token", "trello", `[A-Za-z0-9-]{32}|` + hex64},
	{"twilio_token", "twilio", hex32},
	{"twitch_token", "twitch", `[A-Za-z0-9]{30}`},
	{"twitter_key", "twitter", `[A-Za-z0-9]{25}`},
	{"twitter_secret", "twitter", `[A-Za-z0-9]{45}|[A-Za-z0-9]{50}`},
	{"twitter_access_token", "twitter", `[0-9]{15,25}-[A-Za-z0-9]{20,40}`},
	{"typeform_token", "typeform", `tfp_[\w.=-]{59}`},
	{"unsplash_key", "unsplash", `[\w-]{43}`},
	{"vault_token", "vault", `s\.[A-Za-z0-9]{24}|` + anyUUID},
	{"virustotal_key", "virustotal", hex64},
	{"wakatime_key", "wakatime", anyUUID},
	{"weatherstack_key", "weatherstack fixer aviationstack", hex32},
	{"yandex_token", "yandex", `[\w.-]{39,60}|t1\.[\w=.-]{80,}`},
	{"zendesk_key", "zendesk", `[A-Za-z0-9]{40}`},
	{"zoom_secret", "zoom", `[A-Za-z0-9]{32,36}`},
}

// word is a literal in the name of a value: an owner's, or one that means a
// credential.
type word struct {
	text    string
	kinds   []kind // of an owner
	general bool   // names a credential of any owner
	phrase  bool   // a password: chosen by people, and short
}

// kind is an owned one, compiled.
type kind struct {
	rule  string
	shape *regexp.Regexp
}

// allWords are the owners' words, each once, and the general ones.
func allWords() []word {
	var all []word
	at := map[string]int{}
	for i := range owners {
		k := kind{owners[i].rule, regexp.MustCompile(`\A(?:` + owners[i].shape + `)\z`)}
		for spelled := range strings.FieldsSeq(owners[i].owners) {
			for _, text := range separated(spelled) {
				n, ok := at[text]
				if !ok {
					n = len(all)
					at[text] = n
					all = append(all, word{text: text})
				}
				all[n].kinds = append(all[n].kinds, k)
			}
		}
	}
	for text := range strings.FieldsSeq(general) {
		for _, t := range separated(text) {
			all = append(all, word{text: t, general: true})
		}
	}
	for text := range strings.FieldsSeq(phrases) {
		all = append(all, word{text: text, general: true, phrase: true})
	}
	return all
}

// separated are the spellings of a word whose parts are joined by '+'.
func separated(spelled string) []string {
	if !strings.Contains(spelled, "+") {
		return []string{spelled}
	}
	var all []string
	for _, by := range []string{"", "_", "-", " ", "."} {
		all = append(all, strings.ReplaceAll(spelled, "+", by))
	}
	return all
}

// owns tells whether a value that has the shape of an owner's credential is one,
// and no word and no placeholder.
func owns(a *assignment) bool {
	v := a.value
	return entropy(v) >= 2.6 && (a.typed || mixed(v)) && (!wordy(v) || mixed(v) || classes(v) > 2) && !filler(v) && !few(v) && !reference(v)
}

// bounded tells whether a word in a name is one, and no part of another: nothing of
// a word before it, and after it its end, a capital, or a word for a credential.
func bounded(text string, start, end int) bool {
	if start > 0 && letter(text[start-1]) && (text[start-1] <= 'Z' || text[start] > 'Z') {
		return false
	}
	if end == len(text) || !letter(text[end]) || text[end] <= 'Z' {
		return true
	}
	for _, w := range [...]string{"s", "token", "key", "secret", "api", "auth", "pass", "client", "app", "access", "cred", "id", "url", "uri", "pw"} {
		if rest := text[end:]; len(rest) >= len(w) && strings.EqualFold(rest[:len(w)], w) && (len(w) > 1 || len(rest) == 1 || !letter(rest[1])) {
			return true
		}
	}
	return false
}
