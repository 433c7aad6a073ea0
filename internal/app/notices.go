package app

import (
	"fmt"
	"strings"
	"time"

	"doorward/internal/config"
	"doorward/internal/gate"
	"doorward/internal/secret"
	"doorward/internal/webhook"
)

// The types of notices about approvals.
const (
	noticeWaiting = "approval.waiting" // a call begins to wait
	noticeAgreed  = "approval.agreed"  // somebody said yes, and it takes more
	noticeGranted = "approval.granted"
	noticeDenied  = "approval.denied"
)

// notice is what a receiver learns of an approval: enough to know whom to ask and
// where. What the call would do is in its arguments, which whoever decides fetches
// with a credential of their own (LOG-19).
type notice struct {
	Approval string        `json:"approval"`
	Who      noticePerson  `json:"who"` // asks
	By       *noticePerson `json:"by,omitzero"`
	Upstream string        `json:"upstream"`
	Name     string        `json:"name"`
	Method   string        `json:"method"`
	Rule     string        `json:"rule"`
	Needed   int           `json:"needed"`
	Approved int           `json:"approved"`
	Expires  time.Time     `json:"expires"`
	Exchange string        `json:"exchange"`
	Decide   string        `json:"decide,omitzero"` // the URL to look and decide at; absent over stdio
}

type noticePerson struct {
	Subject string `json:"subject"`
	Realm   string `json:"realm"`
}

// asked tells people of a call that begins to wait. It waits for nothing.
func (a *App) asked(held gate.Approval) {
	if !held.Self { // its caller is asked by its own client, and nobody else can decide
		a.notify(noticeWaiting, &held, nil)
	}
}

// decided tells people of a decision.
func (a *App) decided(held *gate.Approval, who *gate.Principal) {
	kind := noticeAgreed
	switch {
	case held.Denial != nil:
		kind = noticeDenied
	case len(held.Grants) >= held.Count:
		kind = noticeGranted
	}
	a.notify(kind, held, &noticePerson{gate.Visible(who.Subject), gate.Visible(who.Realm)})
}

func (a *App) notify(kind string, held *gate.Approval, by *noticePerson) {
	n := notice{
		Approval: held.ID, Who: noticePerson{gate.Visible(held.Subject), gate.Visible(held.Realm)}, By: by,
		Upstream: held.Upstream, Name: noticeName(held), Method: held.Method, Rule: held.Rule,
		Needed: held.Count, Approved: len(held.Grants), Expires: held.Expires.UTC(), Exchange: held.Exchange,
	}
	if url := a.URL(); url != "" {
		n.Decide = strings.TrimSuffix(url, "/mcp") + "/approvals/" + held.ID
	}
	a.notices.Send(webhook.Notice{Type: kind, Upstream: held.Upstream, Exchange: held.Exchange, Data: n})
}

// noticeName is what is called, as a receiver may read it. A resource's URI can be
// made of what the caller filled into a template, so only its scheme is told.
func noticeName(held *gate.Approval) string {
	if held.Method == "tools/call" || held.Method == "prompts/get" {
		return gate.Visible(held.Name)
	}
	scheme, _, _ := strings.Cut(held.Name, ":")
	return gate.Visible(scheme) + ":…"
}

// receiver is where notices go now.
func (a *App) receiver() *webhook.Target {
	if snap := a.current.Load(); snap != nil {
		return snap.hook
	}
	return nil
}

// hook makes the receiver of a configuration; nil where there is none, and where
// nobody is served. A secret that cannot be signed with refuses the configuration;
// one that is optional and missing fails the notices alone.
func (a *App) hook(cfg *config.Config, secrets *secret.Store, serving bool) (*webhook.Target, error) {
	h := cfg.Approvals.Webhook
	if h == nil || !serving {
		return nil, nil //nolint:nilnil // no receiver is no failure
	}
	if s, err := secrets.Get(h.Secret); err == nil {
		if err := webhook.CheckSecret(s); err != nil {
			return nil, fmt.Errorf("approvals.webhook.secret: %w", err)
		}
	}
	pool, err := roots(h.CA)
	if err != nil {
		return nil, fmt.Errorf("approvals.webhook: %w", err)
	}
	return webhook.NewTarget(signed(webhook.TargetConfig{URL: h.URL, Roots: pool}, func() *secret.Store { return secrets }, h.Secret))
}
