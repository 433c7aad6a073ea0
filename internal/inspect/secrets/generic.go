package secrets

import (
	"math"
	"regexp"
	"strings"
	"sync"
)

// general are words that name a credential of any owner; '+' as in owned.owners.
const general = "token secret api+key apikey api+secret app+key app+secret access+key account+key auth+key private+key signing+key encryption+key " +
	"master+key service+key license+key session+key shared+key storage+key subscription+key webhook+key client+key admin+key user+key " +
	"credential authorization x-auth session+id sessionid jwt bearer oauth connection+string"

// phrases are words for what people choose and type.
const phrases = "passwd password passphrase passwort kennwort contrase mot+de+passe senha pwd"

// harmless are parts of names whose values are no credentials, though a word of
// general is in the name.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var harmless = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`public|authenticity|credentials?_?ids?|pub_?key|hash|sha\d|checksum|digest|integrity|fingerprint|commit|tokeni[sz]|tokens|token_?(?:count|limit|type|uri|url|name|length|budget|usage|symbol|address|endpoint|expir|id\b|mint|contract)|` +
		`(?:max|min|num|next|prev|previous|page|pagination|continuation|sync|cursor|delta|resume|skip|start|stop|eos|bos|pad|unk|csrf|xsrf|idempotency|input|output|total|prompt|erc20|design)[_ -]?tokens?|` +
		`secret_?(?:name|arn|id\b|ref|path|version|key_?ref)|key_?(?:name|id\b|path|file|type|size|length|word|board|code|usage|alias|arn|store|ring|vault_?name)|` +
		`pass(?:word)?_?(?:policy|hint|reset|length|min|max|field|file|strength|changed|expir|label|url)|(?:file|path|url|uri|name|type|count|expires(?:_?(?:in|at))?|ttl|scope|format|description|enabled|required|length|author|header|algorithm|method)\z`)
})

// generic judges a value that the name of a credential is given. rule is empty for
// one that is none.
func (a *assignment) generic(phrase bool) (rule string) {
	v := a.value
	if a.quoted {
		v = strings.TrimSpace(v)
	}
	switch {
	case placeholder(v), strings.Contains(v, "://"), strings.HasPrefix(v, "//"):
		return ""
	case strings.HasSuffix(a.name, "authorization") && aUUID().MatchString(v):
		return "assignment"
	case phrase:
		if password(v, a) {
			return "assignment"
		}
		return ""
	case len(v) < 10 || len(v) > 400:
		return ""
	case !random(v):
		return ""
	case a.prose && (len(v) < 16 || !mixed(v) && !jumbled(v)):
		return ""
	}
	if a.typed {
		return "assignment"
	}
	return "generic"
}

// password tells whether a value may be one that a person chose: three classes of
// characters, or two where an operator stands before it.
func password(v string, a *assignment) bool {
	if len(v) < 6 || len(v) > 128 || reference(v) {
		return false
	}
	n := classes(v)
	if a.prose {
		return n >= 3 && len(v) >= 8 && strings.ContainsAny(v, "0123456789")
	}
	return n >= 3 || n == 2 && len(v) >= 8 && (strings.ContainsAny(v, "0123456789") || strings.ContainsAny(v, "!@#$%^&*")) && !strings.ContainsAny(v, "/.")
}

// classes counts the classes of characters: small, large, digits, others.
func classes(v string) int {
	var seen [4]int
	for i := range len(v) {
		switch c := v[i]; {
		case c >= 'a' && c <= 'z':
			seen[0] = 1
		case c >= 'A' && c <= 'Z':
			seen[1] = 1
		case c >= '0' && c <= '9':
			seen[2] = 1
		default:
			seen[3] = 1
		}
	}
	return seen[0] + seen[1] + seen[2] + seen[3]
}

// mixed tells whether letters and digits stand among each other.
func mixed(v string) bool {
	changes := 0
	for i := 1; i < len(v); i++ {
		if digit(v[i]) != digit(v[i-1]) && isAlnum[v[i]] && isAlnum[v[i-1]] {
			changes++
		}
	}
	return changes >= 3
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// ordered are forms of values that look disordered and are none: UUIDs, dates,
// versions, addresses, paths, names of hosts, sums, colours.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var ordered = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)\A(?:` + anyUUID + `|\d{4}-\d\d-\d\d.*|v?\d+(?:\.\d+){1,3}(?:[-+].*)?|(?:sha\d{1,3}|md5|blake\w+)[-:].*|https?:.*|[a-z+]{2,12}://.*|arn:.*|urn:.*|data:.*|\.{0,2}/.*|~/.*|[a-z]:\\.*|` +
		`[\w.+-]+@[\w-]+\.[\w.]+|(?:[\w-]+\.)+(?:com|net|org|io|dev|app|ai|co|local|internal|json|ya?ml|pem|key|crt|txt|go|js|ts|py|rb|java|md|html?|css|xml|toml|env|lock|log|sh|php)(?:[:/].*)?|[\d.,:+-]+|0x[0-9a-f]+)\z`)
})

//nolint:gochecknoglobals // compiled when first used; read-only
var aUUID = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\A` + anyUUID + `\z`) })

// plausible tells at little cost whether a value may be a credential at all: most
// values that the name of one is followed by are words.
func (a *assignment) plausible(phrase bool) bool {
	v := a.value
	if len(v) < 6 {
		return false
	}
	digits, large, others := 0, 0, 0
	for i := range len(v) {
		switch c := v[i]; {
		case digit(c):
			digits++
		case c >= 'A' && c <= 'Z':
			large++
		case !isAlnum[c]:
			others++
		}
	}
	switch {
	case a.prose && digits == 0 && (len(v) < 16 || large < 3):
		return false
	case digits > 0, len(v) >= 16 && large >= 3 && jumbled(v):
		return true
	}
	return phrase && (large > 0 || others > 0)
}

// random tells whether a value is disordered enough to be drawn by lot.
func random(v string) bool {
	if ordered().MatchString(v) || reference(v) || wordy(v) {
		return false
	}
	digits := 0
	for i := range len(v) {
		if !isToken[v[i]] {
			return false
		}
		if digit(v[i]) {
			digits++
		}
	}
	e := entropy(v)
	switch {
	case digits == 0:
		return len(v) >= 24 && e >= 3.9 && classes(v) >= 2 && jumbled(v)
	case len(v) < 16:
		return e >= 3.0 && (digits >= 2 || classes(v) >= 3)
	}
	return e >= 3.2
}

// jumbled tells whether large and small letters change as often as by lot.
func jumbled(v string) bool {
	changes := 0
	for i := 1; i < len(v); i++ {
		a, b := v[i-1], v[i]
		if a >= 'a' && a <= 'z' && b >= 'A' && b <= 'Z' || a >= 'A' && a <= 'Z' && b >= 'a' && b <= 'z' {
			changes++
		}
	}
	return changes*4 >= len(v)
}

// reference tells whether a value names where the credential is, and is none:
// a variable, a call, a member of something.
func reference(v string) bool {
	if v == "" {
		return false
	}
	if v[0] == '.' && len(v) > 1 && letter(v[1]) {
		return true // .Values.password of a template
	}
	if strings.ContainsAny(v[:1], "$%<{@&*#") && len(v) > 1 && (isWord[v[1]] && v[0] == '$' || strings.ContainsAny(v[:1], "<{&") || strings.IndexByte("({<%", v[1]) >= 0) {
		return true
	}
	low := strings.ToLower(v)
	for _, s := range [...]string{"process.env", "os.environ", "getenv", "env.", "env:", "secrets.", "vars.", "config.", "settings.", "self.", "this.", "vault:", "ssm:", "op://", "req.", "request.", "credentials.", "args.", "params.", "props.", "options.", "${", "{{", "$(", "#{", "%(", "<%"} {
		if strings.Contains(low, s) {
			return true
		}
	}
	return false
}

// wordy tells whether a value is made of words: parts of letters alone, with a
// number at most, which vowels stand in as in languages.
func wordy(v string) bool {
	if len(v) < maxValue && (mixed(v) || len(v) >= 20 && jumbled(v)) {
		return false
	}
	parts, words, letters, inWords := 0, 0, 0, 0
	for i := 0; i < len(v); {
		j := i
		for j < len(v) && letter(v[j]) && (j == i || v[j] > 'Z' || v[j-1] < 'a') {
			j++
		}
		if j == i {
			i++
			continue
		}
		parts++
		letters += j - i
		if j-i >= 3 && spoken(v[i:j]) {
			words++
			inWords += j - i
		}
		i = j
	}
	return parts > 0 && inWords*10 >= letters*7 && inWords*2 > len(v) && letters*3 > len(v)*2
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// spoken tells whether letters alternate as in a word that can be said: vowels
// between a fifth and two thirds of them, and never five consonants in a row.
func spoken(s string) bool {
	vowels, row, worst := 0, 0, 0
	for i := range len(s) {
		if strings.IndexByte("aeiouy", s[i]|0x20) >= 0 {
			vowels++
			row = 0
			continue
		}
		row++
		worst = max(worst, row)
	}
	return vowels*5 >= len(s) && vowels*3 <= len(s)*2 && worst < 5
}

// entropy is Shannon's, in bits a byte, of the bytes of a value.
func entropy(v string) float64 {
	var count [256]int
	for i := range len(v) {
		count[v[i]]++
	}
	e, n := 0.0, float64(len(v))
	for _, c := range count {
		if c > 0 {
			p := float64(c) / n
			e -= p * math.Log2(p)
		}
	}
	return e
}
