package doctor

import (
	"context"
	"fmt"
	"net/http"
)

// affinityTries is how many requests are made on connections of their own: with
// two replicas one in 128 runs meets the same one each time.
const affinityTries = 8

// checkAffinity tells whether a session is known to whoever answers: several
// replicas that do not share their sessions know it part of the time.
func checkAffinity(ctx context.Context, e *exam) []Finding {
	if !e.admitted() {
		return skip("session.affinity", notAdmitted)
	}
	if e.session == "" {
		return skip("session.affinity", "the server keeps no sessions")
	}
	lost := 0
	for range affinityTries {
		r := e.ask(stateful, "ping", "")
		r.fresh = true
		a := e.send(ctx, r)
		switch {
		case a.err != nil:
			return skip("session.affinity", "a request on a new connection failed: "+e.quote(a.err.Error()))
		case a.status == http.StatusNotFound, a.message.code() == "session.unknown":
			lost++
		}
	}
	if lost == 0 {
		return fine("session.affinity", fmt.Sprintf("the session was known on all of %d new connections", affinityTries))
	}
	return []Finding{{
		ID: "session.affinity", Status: Problem,
		Seen: fmt.Sprintf("the session was unknown in %d of %d requests on new connections", lost, affinityTries),
		Why:  "replicas that share no state know their own sessions alone: what is sent to another is answered with 404, and clients lose their calls",
		Fix: "let the proxy send a session to the replica that gave it its id. nginx, by the client's address:\n" +
			"  upstream doorward { hash $remote_addr consistent; server 10.0.0.1:8080; server 10.0.0.2:8080; }\n" +
			"HAProxy, by the id:\n" +
			"  stick-table type binary len 32 size 100k expire 24h\n" +
			"  stick match req.hdr(Mcp-Session-Id),sha2(256)\n" +
			"  stick store-response res.hdr(Mcp-Session-Id),sha2(256)\n" +
			"or give replicas of Doorward one state.key and one state.redis;\n" +
			"or use a client of 2026-07-28, which has no sessions",
	}}
}
