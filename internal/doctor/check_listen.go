package doctor

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"syscall"
)

// checkListen makes the first contact: does anything answer there, is it the
// gateway, and does it answer to this name, page and address?
func checkListen(ctx context.Context, e *exam) []Finding {
	found := e.localListener(ctx)
	if !e.reached.IsValid() {
		if e.refused && len(found) == 0 {
			return []Finding{e.nobody(ctx, e.target.Host)}
		}
		return orSkip(found, unreached)
	}
	if e.tls != nil {
		return orSkip(found, "there was no TLS connection to ask on")
	}
	e.contact = e.meet(ctx)
	a := e.contact.best()
	if e.wrongScheme(ctx) != "" {
		return orSkip(found, "the scheme of the URL is wrong")
	}
	if e.asksCertificate && (a.err != nil || a.status == http.StatusBadRequest && !a.message.present()) {
		return append(found, wantsCertificate())
	}
	if f, bad := e.turnedAway(a); bad {
		return append(found, f)
	}
	if len(found) > 0 {
		return found
	}
	who := "an HTTP server"
	if a.doorward() {
		who = "Doorward"
	}
	return fine("listen", fmt.Sprintf("%s answers at %s", who, e.reached))
}

func orSkip(found []Finding, seen string) []Finding {
	if len(found) > 0 {
		return found
	}
	return skip("listen", seen)
}

// localListener looks at the configured address, when clients use another.
func (e *exam) localListener(ctx context.Context) []Finding {
	if e.opts.Config == nil || e.opts.Config.Listen.PublicURL == "" {
		return nil
	}
	at := e.opts.Config.Listen.Address.AddrPort
	if at.Port() == 0 {
		return nil
	}
	end := e.dialAll(ctx, []netip.Addr{at.Addr()}, at.Port())[0]
	if !errors.Is(end.err, syscall.ECONNREFUSED) {
		return nil
	}
	return []Finding{e.nobody(ctx, at.String())}
}

// nobody is the finding that nothing listens at a place.
func (e *exam) nobody(ctx context.Context, place string) Finding {
	f := Finding{
		ID: "listen", Status: Problem, Cause: "refused",
		Seen: "nothing listens at " + place + " (connection refused)",
		Why:  "there is no gateway to talk to",
		Fix:  "start the gateway: " + e.command("serve") + "; or correct the port in the URL",
	}
	if account, err := e.opts.account(ctx); err == nil && account.URL != "" && account.URL != shownURL(e.target) {
		f.Cause = "moved"
		f.Seen += "; a gateway runs on this configuration and listens at " + account.URL
		f.Fix = "give clients " + account.URL + ", or stop the gateway and start it anew: " + e.command("serve")
	}
	return f
}

// turnedAway is what keeps every client of this kind out, whoever it is.
func (e *exam) turnedAway(a *answer) (Finding, bool) {
	f := Finding{ID: "listen", Status: Problem}
	if a.err != nil {
		f.Cause = "silent"
		f.Seen = fmt.Sprintf("%s takes connections and does not answer HTTP: %s", e.reached, e.quote(a.err.Error()))
		if timedOut(a.err) {
			f.Seen = fmt.Sprintf("%s takes connections and does not answer within %v", e.reached, e.opts.Timeout)
		}
		f.Why = "clients wait and give up"
		f.Fix = "check what listens there: ss -ltnp 'sport = " + fmt.Sprint(e.port()) + "'"
		return f, true
	}
	switch a.message.code() {
	case "http.host":
		f.Cause, f.Seen = "host", "Doorward does not answer to the name "+e.target.Host
		f.Why = "every request with this Host is refused, so that no web page can reach the gateway under a name of its own"
		f.Fix = fmt.Sprintf("listen: {allowed_hosts: [%q]}, or listen: {public_url: %q}", e.target.Host, e.target.Scheme+"://"+e.target.Host)
		return f, true
	case "http.origin":
		f.Cause, f.Seen = "origin", "Doorward does not answer web pages at "+e.quote(e.opts.Origin)
		f.Why = "clients that run in a browser send this Origin and are refused"
		f.Fix = fmt.Sprintf("listen: {allowed_origins: [%q]}", e.opts.Origin)
		return f, true
	case "http.address":
		f.Cause, f.Seen = "address", "Doorward does not answer this machine's address"
		f.Why = "it is in none of the networks that clients may come from"
		f.Fix = "add its network to listen: {allowed_addresses: […]}"
		return f, true
	}
	switch {
	case a.status >= http.StatusInternalServerError && a.doorward():
		f.Cause, f.Seen = "unavailable", "Doorward answers "+e.quote(a.message.said())
		f.Why = "it cannot serve anybody now"
		f.Fix = "look at upstream.down and gateway.ready below, and at the gateway's log"
	case a.status >= http.StatusInternalServerError:
		f.Cause, f.Seen = "proxy", fmt.Sprintf("something that is not Doorward answers with HTTP %d", a.status)
		f.Why = "a proxy is there and does not get through to the gateway behind it"
		f.Fix = "start the gateway (" + e.command("serve") + ") and give the proxy its address (nginx: proxy_pass http://127.0.0.1:8080;)"
	case e.opts.Config != nil && !a.doorward() && !redirects(a):
		f.Cause = "other"
		f.Seen = fmt.Sprintf("what answers at %s is not Doorward (HTTP %d%s)", e.reached, a.status, e.server(a))
		f.Why = "clients talk to another program than the gateway"
		f.Fix = "stop that program (ss -ltnp 'sport = " + fmt.Sprint(e.port()) + "' names it), or choose another port: listen: {address: …}"
	default:
		return Finding{}, false
	}
	return f, true
}

func (e *exam) server(a *answer) string {
	if s := a.header.Get("Server"); s != "" {
		return ", Server: " + e.quote(s)
	}
	return ""
}

func redirects(a *answer) bool { return a.status >= 300 && a.status < 400 }
