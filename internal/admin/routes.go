package admin

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"doorward/internal/gate"
)

// Permission is what a route asks of its caller.
type Permission string

// The permissions. On the socket the gateway's own user and root have all of
// them and nobody else has any.
const (
	KeysRead      Permission = "keys:read"
	KeysWrite     Permission = "keys:write"
	TrustRead     Permission = "trust:read"
	TrustWrite    Permission = "trust:write"
	RecordsRead   Permission = "records:read"
	RecordsOpen   Permission = "records:open"  // read what the audit log has sealed
	RecordsSign   Permission = "records:sign"  // replace the key that signs checkpoints
	RecordsIndex  Permission = "records:index" // have the search index made anew
	PrivacyErase  Permission = "privacy:erase"
	PrivacyRetain Permission = "privacy:retain" // prune what is due
	PrivacyHold   Permission = "privacy:hold"
	SecretsRead   Permission = "secrets:read"  // where they are and how old, never what
	SecretsWrite  Permission = "secrets:write" // of Doorward's own store
	StatusRead    Permission = "status:read"
	ReloadRun     Permission = "reload:run"
	MonitorRun    Permission = "monitor:run"    // send a test alert, say that the log was verified
	LogWrite      Permission = "log:write"      // change what the gateway's own log writes
	IncidentsRead Permission = "incidents:read" // with tags for names; those take RecordsOpen
	IncidentsAct  Permission = "incidents:act"  // open, note, suspend, release, close

	DocumentsWrite Permission = "documents:write" // say that documents are changed

	// What is kept about one person: taken out, corrected; and of a breach and of the
	// whole gateway, who could be concerned.
	PrivacyExport  Permission = "privacy:export"
	PrivacyRectify Permission = "privacy:rectify"
	PrivacyBreach  Permission = "privacy:breach"
	PrivacyRead    Permission = "privacy:read" // the register of processing: nobody's data
)

// Route is one row of the API's table.
type Route struct {
	Pattern    string // net/http pattern: method and path
	Permission Permission
	Serve      func(op Operator, actor string, r *http.Request) (any, error)
}

// Routes is the whole API of the socket.
func Routes() []Route {
	return append(slices.Concat(secretRoutes(), documentRoutes(), revokedRoutes(), approvalRoutes(), recordRoutes(), checkpointRoutes(), indexRoutes(), privacyRoutes(), retentionRoutes(), canaryRoutes(), monitoringRoutes(), incidentRoutes(), lossRoutes(), investigationRoutes(), loudnessRoutes()), []Route{
		{"GET /v1/status", StatusRead, func(op Operator, _ string, r *http.Request) (any, error) {
			return op.Status(r.Context())
		}},
		{"POST /v1/reload", ReloadRun, func(op Operator, actor string, r *http.Request) (any, error) {
			return struct{}{}, op.Reload(r.Context(), actor)
		}},
		{"GET /v1/keys", KeysRead, func(op Operator, _ string, r *http.Request) (any, error) {
			return op.ListKeys(r.Context())
		}},
		{"POST /v1/keys", KeysWrite, withBody(func(ctx context.Context, op Operator, actor string, req KeyRequest) (any, error) {
			return op.CreateKey(ctx, actor, req)
		})},
		{"POST /v1/keys/rotate", KeysWrite, withBody(func(ctx context.Context, op Operator, actor string, req keyRef) (any, error) {
			return op.RotateKey(ctx, actor, req.ID, req.Overlap)
		})},
		{"POST /v1/keys/revoke", KeysWrite, withBody(func(ctx context.Context, op Operator, actor string, req keyRef) (any, error) {
			return struct{}{}, op.RevokeKey(ctx, actor, req.ID)
		})},
		{"GET /v1/trust", TrustRead, func(op Operator, _ string, r *http.Request) (any, error) {
			q := r.URL.Query()
			return op.Entries(r.Context(), Review{
				Upstream: q.Get("upstream"), Refresh: q.Get("refresh") == "true", Shown: q.Get("shown") == "true",
			})
		}},
		{"GET /v1/trust/item", TrustRead, func(op Operator, _ string, r *http.Request) (any, error) {
			q := r.URL.Query()
			return op.Detail(r.Context(), q.Get("upstream"), q.Get("kind"), q.Get("name"))
		}},
		{"POST /v1/trust/approve", TrustWrite, withBody(func(ctx context.Context, op Operator, actor string, refs []Ref) (any, error) {
			n, err := op.Approve(ctx, actor, refs)
			return count{n}, err
		})},
		{"POST /v1/trust/reject", TrustWrite, withBody(func(ctx context.Context, op Operator, actor string, refs []Ref) (any, error) {
			n, err := op.Reject(ctx, actor, refs)
			return count{n}, err
		})},
	}...)
}

type keyRef struct {
	ID      string        `json:"id"`
	Overlap time.Duration `json:"overlap,omitempty"`
}

type count struct {
	Count int `json:"count"`
}

// withBody decodes a route's JSON body strictly.
func withBody[T any](do func(context.Context, Operator, string, T) (any, error)) func(Operator, string, *http.Request) (any, error) {
	return func(op Operator, actor string, r *http.Request) (any, error) {
		var v T
		if err := strictly(r.Body, &v); err != nil {
			return nil, &gate.Error{Code: gate.CodeParams, Public: "the request body is not what this route takes", Op: "reading request", Err: err}
		}
		return do(r.Context(), op, actor, v)
	}
}

// fault is an error on the wire.
type fault struct {
	Code  string `json:"code"`
	Error string `json:"error"`
}

// statusOf is the HTTP status of a failure. The caller of the socket is the
// operator, so the whole text is shown.
func statusOf(err error) (int, fault) {
	f := fault{Code: string(gate.CodeOf(err)), Error: err.Error()}
	if e, ok := errors.AsType[*gate.Error](err); ok {
		if e.Public != "" {
			f.Error = e.Public
		}
		return http.StatusUnprocessableEntity, f
	}
	return http.StatusInternalServerError, f
}
