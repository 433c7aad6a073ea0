package checklist

import (
	"fmt"
	"strings"
	"time"

	"doorward/internal/config"
)

func identityChecks() []check {
	const page = "docs/how-to/accept-tokens.md"
	return []check{
		{Entry{
			"identity.anonymous", "Nobody is let in without a credential",
			"take identity.anonymous out and give every client a key (doorward key create) or a token", "docs/how-to/connect-clients.md",
		}, (*subject).anonymous},
		{Entry{
			"identity.algorithms", "Issuers' tokens are signed in one or two ways",
			"write in identity.issuers[].algorithms only what the issuer signs with (RFC 8725, 3.1)", page,
		}, (*subject).algorithms},
		{Entry{
			"identity.audience", "Tokens are for this gateway alone",
			"take other_audiences out: a token that another service may use too can be brought here by that service", page,
		}, (*subject).audience},
		{Entry{
			"identity.token_age", "Tokens live a day at most",
			"set identity.issuers[].max_token_age to 24h or less: until then a stolen token is good", page,
		}, (*subject).tokenAge},
		{Entry{
			"identity.crl", "Client certificates can be revoked",
			"set listen.tls.client_crl to the revocation list of client_ca", "docs/how-to/use-client-certificates.md",
		}, (*subject).crl},
	}
}

func (s *subject) anonymous(a *answer) {
	if who := s.cfg.Identity.Anonymous; who != nil {
		a.fail("identity.anonymous", "every process on this machine is %s, with the roles %s", who.Subject, strings.Join(who.Roles, ", "))
		return
	}
	a.pass("identity", "every client needs a credential")
}

// each hands over every issuer with its path; without one the item is about nothing.
func (s *subject) each(a *answer, do func(path string, i *config.Issuer)) {
	all := s.cfg.Identity.Issuers
	for i := range all {
		do(fmt.Sprintf("identity.issuers[%d]", i), &all[i])
	}
	if len(all) == 0 {
		a.none("identity.issuers", "no issuer's tokens are accepted")
	}
}

// maxAlgorithms is one to sign with and one to move to.
const maxAlgorithms = 2

func (s *subject) algorithms(a *answer) {
	s.each(a, func(path string, i *config.Issuer) {
		if n := len(i.Algorithms); n > maxAlgorithms {
			a.warn(path+".algorithms", "%d ways to sign are accepted of %s: %s", n, i.Issuer, strings.Join(i.Algorithms, ", "))
			return
		}
		a.pass(path+".algorithms", "%s: %s", i.Issuer, strings.Join(i.Algorithms, ", "))
	})
}

func (s *subject) audience(a *answer) {
	s.each(a, func(path string, i *config.Issuer) {
		if i.OtherAudiences {
			a.warn(path+".other_audiences", "tokens of %s that are for others too are accepted", i.Issuer)
			return
		}
		a.pass(path, "tokens of %s are for this gateway alone", i.Issuer)
	})
}

// maxTokenAge is the default of config.
const maxTokenAge = 24 * time.Hour

func (s *subject) tokenAge(a *answer) {
	s.each(a, func(path string, i *config.Issuer) {
		if time.Duration(i.MaxTokenAge) > maxTokenAge {
			a.warn(path+".max_token_age", "tokens of %s may live %s", i.Issuer, i.MaxTokenAge)
			return
		}
		a.pass(path+".max_token_age", "tokens of %s live %s at most", i.Issuer, i.MaxTokenAge)
	})
}

func (s *subject) crl(a *answer) {
	switch t := &s.cfg.Listen.TLS; {
	case t.ClientCA == "":
		a.none("listen.tls.client_ca", "clients show no certificates")
	case t.ClientCRL == "":
		a.warn("listen.tls.client_ca", "a certificate is good until it expires: there is no client_crl")
	default:
		a.pass("listen.tls.client_crl", "%s", t.ClientCRL)
	}
}
