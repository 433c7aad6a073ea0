package learning

import (
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"doorward/internal/policy/places"
	"doorward/internal/policy/words"
)

// places narrows URLs and hosts to the hosts and the schemes seen.
func (n *narrower) places() {
	if texts := n.seen.types["url"]; len(texts) > 0 {
		var rule places.Rule
		if n.where.URL != nil {
			rule = *n.where.URL
		}
		hosts, schemes, ok := located(texts)
		if rule.Hosts, rule.Schemes = hosts, schemes; ok && placed(rule) {
			n.where.URL = &rule
		}
	}
	if texts := n.seen.types["host"]; len(texts) > 0 {
		var rule places.Rule
		if n.where.Host != nil {
			rule = *n.where.Host
		}
		var with []string
		for _, t := range texts {
			with = append(with, "x://"+t)
		}
		hosts, _, ok := located(with)
		if rule.Hosts = hosts; ok && placed(rule) {
			n.where.Host = &rule
		}
	}
}

func placed(rule places.Rule) bool {
	_, faults := places.New(rule)
	return len(faults) == 0
}

// located are the hosts and schemes of some URLs, each once, sorted.
func located(urls []string) (hosts, schemes []string, ok bool) {
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Hostname() == "" {
			return nil, nil, false
		}
		host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
		if a, err := netip.ParseAddr(host); err == nil {
			host = a.String()
		}
		hosts, schemes = append(hosts, host), append(schemes, strings.ToLower(u.Scheme))
	}
	return once(hosts), once(schemes), len(once(hosts)) <= maxNamed
}

// once sorts texts and leaves each once.
func once(all []string) []string {
	all = slices.Clone(all)
	slices.Sort(all)
	return slices.Compact(all)
}

// words narrows mail addresses to the domains, commands to the programs seen.
func (n *narrower) words() {
	if texts := n.seen.types["email"]; len(texts) > 0 {
		var rule words.EmailRule
		if n.where.Email != nil {
			rule = *n.where.Email
		}
		rule.Domains = nil
		for _, t := range texts {
			for one := range strings.SplitSeq(t, ",") {
				_, domain, _ := strings.Cut(one, "@")
				rule.Domains = append(rule.Domains, strings.ToLower(domain))
			}
		}
		rule.Domains = once(rule.Domains)
		if _, faults := words.NewEmail(rule); len(faults) == 0 && len(rule.Domains) <= maxNamed {
			n.where.Email = &rule
		}
	}
	if len(n.seen.first) > 0 {
		var rule words.CommandRule
		if n.where.Command != nil {
			rule = *n.where.Command
		}
		rule.Programs = once(n.seen.first)
		if _, faults := words.NewCommand(rule); len(faults) == 0 && len(rule.Programs) <= maxNamed {
			n.where.Command = &rule
		}
	}
}
