package app

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"doorward/internal/admin"
	"doorward/internal/config"
	"doorward/internal/store"
)

// Categories of data, as the register names them.
const (
	dataIdentity  = "identity: subject, tenant, issuer, groups, roles, scopes, public id of the credential"
	dataPlace     = "address and name of the client"
	dataUse       = "use: tool, prompt or resource, time, outcome, bytes"
	dataArguments = "arguments of calls, which may hold data of anybody"
	dataResults   = "results of calls, which may hold data of anybody"
)

// Register implements admin.Privacy: the processing as the configuration that is in
// force has it.
func (a *App) Register(context.Context) (admin.Register, error) {
	cfg := a.current.Load().cfg
	p := &cfg.Privacy
	r := admin.Register{
		Made: clockOf(time.Now()), Version: a.Version, Controller: p.Controller, Contact: p.Contact, Representative: p.Representative, DPO: p.DPO,
		Activities: activities(cfg), Recipients: recipients(cfg), Measures: append(measures(cfg), p.Measures...),
	}
	for _, one := range [...]struct{ key, value string }{{"privacy.controller", p.Controller}, {"privacy.contact", p.Contact}} {
		if one.value == "" {
			r.Missing = append(r.Missing, one.key)
		}
	}
	return r, nil
}

// activities are what is done with people's data.
func activities(cfg *config.Config) []admin.Activity {
	callers := []string{"people and programs that call tools"}
	recorded := []string{dataIdentity, dataPlace, dataUse}
	if cfg.Audit.Arguments == "sealed" || cfg.Audit.Arguments == "plain" {
		recorded = append(recorded, dataArguments)
	}
	all := []admin.Activity{
		{
			Name:     "relaying calls to upstreams",
			Purposes: append([]string{"letting AI clients use tools, under access control"}, cfg.Privacy.Purposes...),
			Subjects: append(slices.Clone(callers), "whomever arguments and results tell of"), Categories: []string{dataIdentity, dataArguments, dataResults},
			Where: "memory", Retention: "while a call runs",
		},
		{
			Name: "audit log", Purposes: []string{"security of processing, evidence (GDPR, article 32; EU AI Act, articles 12 and 26)"},
			Subjects: callers, Categories: recorded, Where: "data_dir/audit, copies in audit.sinks", Retention: keptFor(cfg),
		},
		{
			Name: "API keys and revocations", Purposes: []string{"access control"}, Subjects: callers, Categories: []string{dataIdentity},
			Where: "data_dir/keys.json, " + stateAt(cfg, "revoked.json"), Retention: "until the name is erased",
		},
		{
			Name: "approvals", Purposes: []string{"a person's decision about a call"}, Subjects: append(slices.Clone(callers), "approvers"),
			Categories: []string{dataIdentity, dataUse, dataArguments}, Where: stateAt(cfg, "approvals.json"), Retention: "24 hours after they end",
		},
		{
			Name: "what conversations have read", Purposes: []string{"keeping private data from leaving (trust.flows)"}, Subjects: callers,
			Categories: []string{"a label, by a keyed hash of the caller"}, Where: stateAt(cfg, "taints.json"), Retention: time.Duration(cfg.Trust.FlowMemory).String(),
		},
		{
			Name: "monitoring", Purposes: []string{"finding abuse and stolen credentials"}, Subjects: callers,
			Categories: []string{dataIdentity, dataPlace, dataUse}, Where: "data_dir/profiles.json, under keyed hashes; data_dir/alerts until delivered",
			Retention: "the 4,096 who called last; alerts three days",
		},
	}
	return append(all, operations(cfg)...)
}

// operations are what people who run the gateway do with data about others, and what is
// kept of themselves.
func operations(cfg *config.Config) []admin.Activity {
	callers := []string{"people and programs that call tools"}
	operators := []string{"operators"}
	who := "operators: number of their account, what they did and when"
	process := []string{"errors, and names of upstreams and tools"}
	if cfg.Telemetry.Log.Level == "debug" {
		process = append(process, dataPlace)
	}
	return []admin.Activity{
		{
			Name: "incidents", Purposes: []string{"dealing with abuse and breaches (GDPR, articles 32 and 33)"}, Subjects: append(slices.Clone(callers), operators...),
			Categories: []string{"whom or which address it is about, sealed", "what operators write about it", who}, Where: stateAt(cfg, "incidents.json"),
			Retention: fmt.Sprintf("%d days after they are closed", store.KeepClosed/day),
		},
		{
			Name: "legal holds", Purposes: []string{"keeping what a claim or an authority needs (GDPR, article 17(3))"}, Subjects: append(slices.Clone(callers), operators...),
			Categories: []string{"keys of the log; a name where audit.identity is plain", "the reason, as it was written", who}, Where: "data_dir/holds.json", Retention: "until they are released",
		},
		{
			Name: "decisions about definitions", Purposes: []string{"no tool without somebody's approval"}, Subjects: operators,
			Categories: []string{who}, Where: "the lock file", Retention: "until another decision about the same",
		},
		{
			Name: "Doorward's own log", Purposes: []string{"running the gateway"}, Subjects: append(slices.Clone(callers), operators...),
			Categories: process, Where: "standard error: whoever collects it", Retention: "as whoever collects it has it",
		},
	}
}

const day = 24 * time.Hour

// stateAt is where a list is kept that has a file where one gateway keeps it.
func stateAt(cfg *config.Config, file string) string {
	switch {
	case cfg.State.Kind == config.PostgresState && slices.Contains([]string{"revoked.json", "approvals.json", "incidents.json"}, file):
		return "state.dsn"
	case cfg.State.Redis != "":
		return "state.redis"
	}
	return "data_dir/" + file
}

// keptFor says how long records stay.
func keptFor(cfg *config.Config) string {
	r := &cfg.Audit.Retain
	days := func(d config.Duration) string { return fmt.Sprintf("%d days", time.Duration(d)/day) }
	return fmt.Sprintf("calls %s, lists %s, refused sign-ins %s, events %s; a person's part until their key is destroyed",
		days(r.Calls), days(r.Lists), days(r.SignIns), days(r.Events))
}

// recipients are those who get people's data.
func recipients(cfg *config.Config) []admin.Recipient {
	var all []admin.Recipient
	for _, name := range names(cfg.Upstreams) {
		u := cfg.Upstreams[name]
		place := hostOf(u.URL)
		switch {
		case len(u.Command) > 0:
			place = "this machine: " + filepath.Base(u.Command[0])
		case u.Builtin == config.BuiltinFiles:
			place = "this machine: " + u.Root
		case u.Builtin == config.BuiltinDocs:
			place = docsPlace(docsOf(cfg, name))
		case u.Builtin == config.BuiltinCommands:
			place = "this machine: " + strings.Join(names(u.Commands), ", ")
		case u.Builtin == config.BuiltinSQL:
			place = "secret " + u.DSN
		}
		all = append(all, admin.Recipient{Name: name, Kind: "upstream", Place: place, Categories: []string{dataArguments, dataResults}})
	}
	for i := range cfg.Audit.Sinks {
		s := &cfg.Audit.Sinks[i]
		place := s.Address + hostOf(s.URL) + hostOf(s.Endpoint) + s.Path
		if s.DSN != "" {
			place = "secret " + s.DSN
		}
		all = append(all, admin.Recipient{Name: s.Name, Kind: "sink", Place: place, Categories: []string{"records of the audit log, sealed as they are there"}})
	}
	if t := &cfg.Telemetry; t.Sends("traces") {
		all = append(all, admin.Recipient{Name: "telemetry", Kind: "collector", Place: hostOf(t.OTLP), Categories: []string{"ids of exchanges and digests of sessions, without anybody's name"}})
	}
	for i := range cfg.Monitor.Alerts {
		c := &cfg.Monitor.Alerts[i]
		place := hostOf(c.URL) + c.Server
		all = append(all, admin.Recipient{Name: "alerts", Kind: "alerts", Place: c.Kind + " " + place, Categories: []string{dataIdentity, dataPlace}})
	}
	if w := cfg.Approvals.Webhook; w != nil {
		all = append(all, admin.Recipient{Name: "approvals", Kind: "approvals", Place: hostOf(w.URL), Categories: []string{dataIdentity, dataUse}})
	}
	if j := cfg.Trust.Judge; j != nil {
		all = append(all, admin.Recipient{Name: "judge", Kind: "judge", Place: hostOf(j.URL), Categories: []string{dataUse, dataArguments}})
	}
	for _, name := range []string{cfg.State.Redis, cfg.State.DSN} {
		if name == "" {
			continue
		}
		all = append(all, admin.Recipient{Name: "state", Kind: "state", Place: "secret " + name, Categories: []string{dataIdentity, dataUse, "arguments of calls that wait for people, sealed"}})
	}
	for i := range all {
		for _, t := range cfg.Privacy.Transfers {
			if t.Recipient == all[i].Name {
				all[i].Country, all[i].Safeguard = t.Country, t.Safeguard
			}
		}
	}
	return all
}

// hostOf is the part of a URL that says where it is, without a credential that may be
// in its path.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}

// measures are what the configuration shows of the security of processing.
func measures(cfg *config.Config) []string {
	all := []string{
		"default deny: nothing is called that no role allows and no person approved",
		"every call is on record before it goes upstream, in a log that shows changes (hash chain, Merkle tree, signed checkpoints)",
		"arguments on record: " + cfg.Audit.Arguments + "; who it was: " + cfg.Audit.Identity,
		"erasure by destroying a person's own key; export, rectification and breach reports by command",
	}
	for _, one := range [...]struct {
		on   bool
		text string
	}{
		{cfg.Listen.TLS.Cert != "" || cfg.Listen.TLS.ACME != nil, "TLS " + cfg.Listen.TLS.MinVersion + " or newer between clients and the gateway"},
		{cfg.Listen.TLS.ClientCA != "", "client certificates"},
		{len(cfg.Identity.Issuers) > 0, "sign-in with tokens of OAuth issuers"},
		{cfg.Identity.SignedRequests != nil, "signed requests"},
		{len(cfg.Audit.Sinks) > 0, fmt.Sprintf("%d copies of the audit log elsewhere", len(cfg.Audit.Sinks))},
		{len(cfg.Monitor.Alerts) > 0, fmt.Sprintf("alerts to %d receivers", len(cfg.Monitor.Alerts))},
		{len(cfg.Trust.Flows) > 0, "control of the flow of private data"},
	} {
		if one.on {
			all = append(all, one.text)
		}
	}
	return all
}

// docsPlace is where the documents of builtin docs are, and where questions go to be embedded.
func docsPlace(d docsServer) string {
	place := "this machine: " + d.Index.Path
	switch {
	case d.Index.DSN != "":
		place = "secret " + d.Index.DSN
	case d.Index.URL != "":
		place = hostOf(d.Index.URL)
	case d.Index.Kind == config.IndexPinecone:
		place = "Pinecone"
	}
	switch {
	case d.Embedder.URL != "":
		place += "; questions and passages: " + hostOf(d.Embedder.URL)
	case d.Embedder.Kind == config.EmbedderGemini:
		place += "; questions and passages: Google"
	}
	return place
}
