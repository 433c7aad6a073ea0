package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
)

// unasked is why a check that needs the gateway's own account is skipped.
func (e *exam) unasked() string {
	if e.opts.Config == nil {
		return "only the gateway knows: run doorward doctor --config FILE on its machine"
	}
	return "no gateway can be asked on the socket in " + e.opts.Config.DataDir + ": start it, or run this as its user"
}

// checkUpstreams says which upstreams fail, and what keeps the gateway itself
// from serving.
func checkUpstreams(ctx context.Context, e *exam) []Finding {
	e.listTools(ctx)
	if e.opts.Gateway == nil {
		return e.upstreamRefusal()
	}
	account, err := e.opts.account(ctx)
	if err != nil {
		return skip("upstream.down", "the gateway could not be asked: "+e.quote(err.Error()))
	}
	var found []Finding
	for _, reason := range account.Reasons {
		found = append(found, Finding{
			ID: "gateway.ready", Status: Problem, Seen: e.quote(reason),
			Why: "the gateway refuses everything while that lasts", Fix: "mend what it names; the gateway's log says more",
		})
	}
	for _, u := range account.Upstreams {
		if u.Error == "" {
			continue
		}
		if first := e.failed[u.Name]; first != "" {
			u.Error = first
		}
		found = append(found, Finding{
			ID: "upstream.down", Status: Problem, Cause: u.Name,
			Seen: fmt.Sprintf("the upstream %s does not work: %s", u.Name, e.quote(u.Error)),
			Why:  "clients see none of its tools, and calls to it fail",
			Fix:  fmt.Sprintf("correct upstreams: {%s: …} or start that server, and ask it again: %s", u.Name, e.command("trust list "+u.Name+" --refresh")),
		})
	}
	if len(found) == 0 {
		return fine("upstream.down", fmt.Sprintf("none of %d upstreams has failed", len(account.Upstreams)))
	}
	return found
}

// noteFailures keeps what upstreams have failed with before the checks make the
// gateway try them again: a try that is put off hides why.
func (e *exam) noteFailures(ctx context.Context) {
	account, err := e.opts.account(ctx)
	if err != nil {
		return // checkUpstreams asks again, and says so
	}
	e.failed = make(map[string]string, len(account.Upstreams))
	for _, u := range account.Upstreams {
		e.failed[u.Name] = u.Error
	}
}

// upstreamRefusal is what can be told without the gateway: that it has refused
// for its upstreams' sake.
func (e *exam) upstreamRefusal() []Finding {
	a := e.refusal()
	if a == nil || !strings.HasPrefix(a.message.code(), "upstream.") || a.message.code() == upstreamHeld {
		return skip("upstream.down", e.unasked())
	}
	return []Finding{{
		ID: "upstream.down", Status: Problem, Cause: "refusal",
		Seen: "Doorward answers " + e.quote(a.message.said()),
		Why:  "none of the upstreams that this client may use works",
		Fix:  "run doorward doctor --config FILE on the gateway's machine: it names the upstreams and their errors",
	}}
}

// refusal is the last refusal that the client got: of its list, or of its first
// questions. Nil: there was none.
func (e *exam) refusal() *answer {
	for _, a := range []*answer{e.list, e.contact.best()} {
		if a != nil && a.err == nil && a.message.Error != nil {
			return a
		}
	}
	return nil
}

// upstreamHeld is the refusal of an upstream that waits for approval itself.
const upstreamHeld = "upstream.held"

// checkTrust says what is not shown because nobody has approved it.
func checkTrust(ctx context.Context, e *exam) []Finding {
	if e.opts.Gateway == nil {
		return e.neverApproved()
	}
	defs, err := e.definitions(ctx)
	if err != nil {
		return skip("trust.held", "the gateway could not be asked: "+e.quote(err.Error()))
	}
	waiting := map[string]int{}
	for _, d := range defs {
		if d.State == "held" || d.State == "changed" {
			waiting[d.Upstream]++
		}
	}
	var found []Finding
	for _, name := range slices.Sorted(maps.Keys(waiting)) {
		found = append(found, Finding{
			ID: "trust.held", Status: Problem, Cause: name,
			Seen: fmt.Sprintf("%d definitions of %s wait for approval%s", waiting[name], name, e.shown()),
			Why:  "what is not approved, or has changed since, is neither listed nor called",
			Fix:  "look at them and approve them: " + e.command("trust list "+name) + "\n" + e.command("trust approve "+name),
		})
	}
	if len(found) == 0 {
		return fine("trust.held", "nothing waits for approval")
	}
	return found
}

// neverApproved is what can be told without the gateway: that it refuses for
// want of an approval, or that there is no lock file, so nothing was ever approved.
func (e *exam) neverApproved() []Finding {
	if a := e.refusal(); a != nil && a.message.code() == upstreamHeld {
		return []Finding{{
			ID: "trust.held", Status: Problem, Cause: "refusal",
			Seen: "Doorward answers " + e.quote(a.message.said()),
			Why:  "an upstream is not used before its command and its name are approved",
			Fix:  "on the gateway's machine: " + e.command("trust list") + "\n" + e.command("trust approve NAME"),
		}}
	}
	if e.opts.Config == nil || len(e.opts.Config.Upstreams) == 0 || e.opts.Config.Trust.FirstUse != "hold" {
		return skip("trust.held", e.unasked())
	}
	lock := e.opts.Config.Trust.Lock
	if _, err := os.Stat(lock); !errors.Is(err, fs.ErrNotExist) {
		return skip("trust.held", e.unasked())
	}
	return []Finding{{
		ID: "trust.held", Status: Problem, Cause: "no_lock",
		Seen: "there is no " + lock + ": nothing of any upstream was ever approved" + e.shown(),
		Why:  "what is not approved is neither listed nor called",
		Fix:  "look at what the upstreams offer and approve it: " + e.command("trust list --refresh") + "\n" + e.command("trust approve NAME"),
	}}
}

func (e *exam) shown() string {
	switch e.tools {
	case unlisted:
		return ""
	case many:
		return "; this client is shown many other tools"
	}
	return fmt.Sprintf("; this client is shown %d tools", e.tools)
}

func (e *exam) definitions(ctx context.Context) ([]Definition, error) {
	ctx, cancel := context.WithTimeout(ctx, e.opts.Timeout)
	defer cancel()
	return e.opts.Gateway.Definitions(ctx)
}

// What exam.tools says instead of a number.
const (
	unlisted = -1      // the tools could not be listed
	many     = 1 << 20 // there are more of them than are read
)

// listTools asks for the tools that the client is shown, the first page.
func (e *exam) listTools(ctx context.Context) {
	if !e.admitted() {
		return
	}
	in := stateful
	if !e.speaks(stateful) {
		in = stateless
	}
	e.list = e.send(ctx, e.ask(in, "tools/list", ""))
	var list struct {
		Tools []json.RawMessage `json:"tools"`
	}
	switch {
	case e.list.cut:
		e.tools = many
	case e.list.err == nil && e.list.message.ok() && json.Unmarshal(e.list.message.Result, &list) == nil:
		e.tools = len(list.Tools)
	}
}

// checkPolicy says when a client is let in and then shown nothing.
func checkPolicy(ctx context.Context, e *exam) []Finding {
	switch e.tools {
	case unlisted:
		if !e.admitted() {
			return skip("policy", notAdmitted)
		}
		a := e.refusal()
		if a == nil {
			return skip("policy", "the server did not list its tools")
		}
		if a.message.code() == "policy.denied" {
			return []Finding{e.allowsNothing("Doorward answers " + e.quote(a.message.said()))}
		}
		return skip("policy", "the server did not list its tools: "+e.quote(a.message.said()))
	case many:
		return fine("policy", fmt.Sprintf("this client is shown tools, in a list of more than %d KiB", maxBody>>10))
	case 0:
		return e.shownNothing(ctx)
	}
	return fine("policy", fmt.Sprintf("this client is shown %d tools", e.tools))
}

// shownNothing is for a client that is let in and shown no tools.
func (e *exam) shownNothing(ctx context.Context) []Finding {
	if e.opts.Gateway == nil {
		if e.contact.best().doorward() {
			return skip("policy", "this client is shown no tools: nothing is approved, or its roles allow nothing; "+e.unasked())
		}
		return fine("policy", "this client is shown no tools")
	}
	defs, err := e.definitions(ctx)
	if err != nil {
		return skip("policy", "the gateway could not be asked: "+e.quote(err.Error()))
	}
	approved := 0
	for _, d := range defs {
		if d.Kind == "tool" && d.State == "approved" {
			approved++
		}
	}
	if approved == 0 {
		return skip("policy", "there is no approved tool that this client could be shown")
	}
	return []Finding{e.allowsNothing(fmt.Sprintf("%d tools are approved, and this client is shown none of them", approved))}
}

func (e *exam) allowsNothing(seen string) Finding {
	return Finding{
		ID: "policy", Status: Problem, Seen: seen,
		Why: "none of the client's roles allows any of them, or the profile in the URL leaves them out",
		Fix: "see the roles of its key: " + e.command("key list") + "\n" +
			"and let one of them allow what it needs: roles: {ROLE: {allow: [{tools: [\"UPSTREAM/*\"]}]}}",
	}
}
