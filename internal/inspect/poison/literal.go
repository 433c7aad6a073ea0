package poison

import "strings"

// literal takes a path, a URL, an address or a command substitution at r.at; it tells
// whether there was one.
func (r *reader) literal() bool {
	c := r.text[r.at]
	if r.at > 0 && wordy(r.text[r.at-1]) {
		return false
	}
	if c == '$' && strings.HasPrefix(r.text[r.at:], "$(") {
		return r.take(substitution(r.text[r.at:]), shell)
	}
	if !wordy(c) && c != '/' && c != '~' && c != '.' && c != '$' && c != '%' && c != '+' {
		return false
	}
	if n := groups(r.text[r.at:]); n > 0 {
		return r.take(n, number)
	}
	u := r.stretch()
	if u.end-r.at < 4 || u.marked < r.at {
		return false
	}
	run := r.text[r.at:u.end]
	switch {
	case u.scheme >= r.at && run[0] != '/' && run[0] != '.':
		if u.secret >= r.at && !strings.HasPrefix(run, "http") {
			return r.take(len(run), path|keeps)
		}
		if strings.HasSuffix(r.text[:r.at], "](") {
			return r.take(len(run), path) // a reference in Markdown
		}
		return r.take(len(run), scheme(run))
	case mailbox(run):
		return r.take(len(run), address)
	case rooted(run):
		if u.secret >= r.at {
			return r.take(len(run), path|keeps)
		}
		return r.take(len(run), path)
	case standingFile(r.text[max(r.at, u.slash+1):u.end]):
		return r.take(len(run), path|standing)
	case u.secret >= r.at && u.bareFile(run, r.at):
		return r.take(len(run), path|keeps)
	case digitRun(run):
		return r.take(len(run), number)
	case host(run):
		return r.take(len(run), link)
	}
	return false
}

func (r *reader) take(n int, c class) bool {
	if n == 0 || c == 0 {
		return false
	}
	start := r.at
	r.at += n
	r.emit(start, len(r.fold), sense{class: c})
	return true
}

// substitution is how long a command substitution is at the start of text.
func substitution(text string) int {
	n := strings.IndexByte(text[:min(len(text), 200)], ')')
	return n + 1
}

// groups is how long a number of an account or a telephone is at the start of text that is
// written in groups: "DE44 5001 0517 5407 3249 31", "+1 202 555 0170", "7742 0091 3385".
func groups(text string) int {
	text = text[:min(len(text), maxGroups)]
	end, count, digits := 0, 0, 0
	for at := 0; at < len(text); {
		n, figures := 0, 0
		for at+n < len(text) && (text[at+n] >= '0' && text[at+n] <= '9' || text[at+n] >= 'A' && text[at+n] <= 'Z' || text[at+n] == '+' && at+n == 0) {
			if text[at+n] >= '0' && text[at+n] <= '9' {
				figures++
			}
			n++
		}
		account := count == 1 && n == 4 && end == 4 // the bank's letters in an IBAN
		if n == 0 || n > 5 || figures < n-2 && !account || at+n < len(text) && wordy(text[at+n]) {
			break
		}
		end, count, digits = at+n, count+1, digits+figures
		if end == len(text) || text[end] != ' ' {
			break
		}
		at = end + 1
	}
	if count < 3 || digits < 10 || text[0] != '+' && end < 4*count {
		return 0
	}
	return end
}

// Bounds of what some literals have, in bytes.
const (
	maxAddress  = 320 // RFC 5321, section 4.5.3.1
	maxHost     = 253 // RFC 1035, section 2.3.4
	maxDigits   = 64
	maxGroups   = 42 // ISO 13616: an IBAN has up to 34 characters, in groups of four
	maxStanding = 32 // the longest name of such a file has 23
)

// mailbox tells whether a word is an address of mail.
func mailbox(run string) bool {
	run = run[:min(len(run), maxAddress)]
	at := strings.IndexByte(run, '@')
	return at > 0 && at < len(run)-3 && strings.IndexByte(run[at:], '.') > 0
}

// rooted tells whether a word is a path by its beginning.
func rooted(run string) bool {
	switch {
	case strings.HasPrefix(run, "~/"), strings.HasPrefix(run, "./"), strings.HasPrefix(run, "../"), strings.HasPrefix(run, "$HOME"), strings.HasPrefix(run, "%USERPROFILE%"), strings.HasPrefix(run, "%APPDATA%"):
		return true
	case run[0] == '/':
		return run[1] != '/' && (strings.IndexByte(run[1:], '/') > 0 || strings.IndexByte(run, '.') > 0)
	}
	return false
}

// standingFile tells whether a file's name is one from which agents take standing orders.
func standingFile(name string) bool {
	if len(name) > maxStanding {
		return false
	}
	switch strings.ToLower(name) {
	case "agents.md", "claude.md", "gemini.md", "memory.md", ".cursorrules", ".windsurfrules", ".clinerules", "copilot-instructions.md", "soul.md":
		return true
	}
	return false
}

// secretive are parts of paths where keys, tokens and passwords are kept.
//
//nolint:gochecknoglobals // a table; read-only
var secretive = []string{
	".ssh", "id_rsa", "id_ed25519", "id_dsa", "id_ecdsa", "authorized_keys", ".aws", ".azure", "gcloud", ".gnupg", ".kube", "kubeconfig",
	".netrc", ".npmrc", ".pypirc", ".pgpass", ".my.cnf", ".docker/", ".env", "credential", "gitconfig", "_history", "/etc/passwd",
	"/etc/shadow", "/etc/sudoers", "/etc/db_", "passwd", "password", "mcp.json", "desktop_config", ".cursor", "wallet", "keychain", "keyring", "login data",
	"cookies", ".pem", ".p12", ".pfx", ".kdbx", ".ovpn", ".key", "_token", "/token", ".token", "secret", "private", "/environ", "api_key", "apikey",
	"service-account", "service_account", "oauth", "htpasswd", "tfstate", "tfvars", "wp-config", "vault", "shadow", "_rsa", "master.key",
}

// lastSecret is where a path last has a part that keys, tokens or passwords are kept
// in; -1 if nowhere.
func lastSecret(run string) int {
	run = strings.ToLower(run)
	at := -1
	for _, part := range secretive {
		at = max(at, strings.LastIndex(run, part))
	}
	return at
}

// scheme is what a word with "://" is: a link where it leads to a host on the web.
func scheme(run string) class {
	before, rest, _ := strings.Cut(run, "://")
	switch strings.ToLower(before) {
	case "http", "https", "ws", "wss", "ftp":
		if len(rest) > 3 {
			return link
		}
		return 0
	}
	return path
}

// digitRun tells whether a word is a long number: a phone, an account.
func digitRun(run string) bool {
	if len(run) > maxDigits {
		return false
	}
	digits := 0
	for i := range len(run) {
		switch c := run[i]; {
		case c >= '0' && c <= '9':
			digits++
		case c == '-' || c == '+' && i == 0 || c == '.':
		default:
			return false
		}
	}
	return digits >= 7 && strings.Count(run, ".") == 0
}

// host tells whether a word with dots is the name of a host, by the endings that
// most have and those that RFC 2606 keeps for examples.
func host(run string) bool {
	run, _, _ = strings.Cut(run[:min(len(run), maxHost+1)], "/")
	if len(run) > maxHost || run == "example.com" || run == "example.org" {
		return false
	}
	dot := strings.LastIndexByte(run, '.')
	if dot <= 0 {
		return false
	}
	switch strings.ToLower(run[dot+1:]) {
	case "com", "org", "net", "io", "ai", "dev", "app", "xyz", "co", "info", "ru", "de", "cn", "uk", "fr", "eu", "site", "online", "shop", "top", "club", "tld", "example", "invalid", "test", "cc", "me":
		return true
	}
	return false
}
