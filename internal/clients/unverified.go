package clients

import (
	"regexp"
	"slices"
	"strings"
	"sync"
)

// Names of options and variables are told by their grammar, not one by one: a word
// that takes away, and what it takes away; or the name of a check, and a value
// that says no. The names were gathered from curl(1), git(1), node(1), pip(1),
// uv, npm, deno, kubectl(1), ssh_config(5) and the servers of the public catalogues.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var (
	takesAway = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(no|not|non|skip|disable|disabled|ignore|without|bypass|dont|unsafely)$`)
	})
	checked = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`^(verify|verification|verifying|certificates?|certs?|ssl|tls|integrity|hostkeys?|strictssl)$`)
	})
	checkNames = sync.OnceValue(func() *regexp.Regexp {
		return regexp.MustCompile(`(ssl|tls|https|certs?|certificates?|hostkey)(verify|verification|check|checking|validate|validation)|verify(ssl|tls|https|certs?|certificates?)|strictssl|rejectunauthorized|checkhostname|^verify$`)
	})
	words = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[a-z0-9]+`) })
)

// switchesOff tells whether an option or a variable of this name and value has
// certificates, or the sums of packages, unchecked. A value of "" is an option's
// that has none.
func switchesOff(name, value string) bool {
	parts := words().FindAllString(strings.ToLower(name), -1)
	squashed := strings.Join(parts, "")
	negated := slices.ContainsFunc(parts, takesAway().MatchString)
	switch {
	case checkNames().MatchString(squashed) && !negated:
		return falsy(value)
	case squashed == "piptrustedhost", squashed == "trustedhost", squashed == "goinsecure", squashed == "gosumdb" && strings.EqualFold(value, "off"), squashed == "gonosumcheck":
		return true
	case falsy(value):
		return false
	case slices.Contains(parts, "insecure") && !negated:
		return true
	case slices.Contains(parts, "allow") && slices.Contains(parts, "http"):
		return true
	case slices.Contains(parts, "ignore") && slices.Contains(parts, "https"):
		return true
	}
	return negated && slices.ContainsFunc(parts, checked().MatchString)
}

// falsy are the words by which a setting says no.
func falsy(value string) bool {
	switch strings.ToLower(strings.Trim(value, `"' `)) {
	case "0", "false", "no", "off", "none", "never", "disable", "disabled":
		return true
	}
	return false
}

// answers tells whether a word is an option's yes or no.
func answers(word string) bool {
	w := strings.ToLower(word)
	return falsy(w) || w == "1" || w == "true" || w == "yes" || w == "on"
}

// unverified are the options of a command that switch checks off.
func unverified(command []string) []Danger {
	var out []Danger
	for i, word := range command {
		if i == 0 {
			continue
		}
		name, value, joined := strings.Cut(word, "=")
		setting := strings.HasPrefix(word, "-") && len(name) > 2 || joined && settable().MatchString(name) // ssh -o, docker -e, env
		if !setting {
			continue
		}
		if !joined && i+1 < len(command) && answers(command[i+1]) {
			value = command[i+1]
		}
		if switchesOff(strings.TrimLeft(name, "-"), value) {
			out = append(out, Danger{RiskUnverified, "its " + CommandLine([]string{name}) + " switches a check off"})
		}
	}
	return out
}

// settable is a name that a value can be given to.
//
//nolint:gochecknoglobals // compiled when first used; read-only
var settable = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]*$`) })

// ofVariable tells what is wrong with the value of a variable, without repeating
// it: it is not kept.
func ofVariable(name, value string) []Danger {
	lower := strings.ToLower(name)
	emptied := strings.TrimSpace(value) == "" && (lower == "curl_ca_bundle" || lower == "requests_ca_bundle" || lower == "ssl_cert_file")
	if emptied || value != "" && switchesOff(name, value) {
		return []Danger{{RiskUnverified, "its variable " + CommandLine([]string{name}) + " switches a check off"}}
	}
	if strings.HasSuffix(lower, "_proxy") && lower != "no_proxy" || lower == "npm_config_proxy" {
		if u := strings.TrimSpace(value); u != "" && !onThisMachine(hostOf(u)) {
			return []Danger{{RiskProxy, "its variable " + CommandLine([]string{name}) + " sends what it says through another machine"}}
		}
		return nil
	}
	for _, d := range plainAddresses([]string{name + "=" + value}) {
		return []Danger{{d.Kind, "its variable " + CommandLine([]string{name}) + " holds a plain address"}}
	}
	return nil
}

// hostOf is the host of a proxy's address, which may lack its scheme.
func hostOf(address string) string {
	_, rest, ok := strings.Cut(address, "://")
	if !ok {
		rest = address
	}
	rest = rest[strings.LastIndex(rest, "@")+1:]
	rest, _, _ = strings.Cut(rest, "/")
	if strings.HasPrefix(rest, "[") {
		host, _, _ := strings.Cut(rest[1:], "]")
		return host
	}
	host, _, _ := strings.Cut(rest, ":")
	return host
}
