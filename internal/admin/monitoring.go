package admin

import (
	"context"
	"net/http"
	"time"
)

// AlertAttempt is what became of an alert that tried a receiver out.
type AlertAttempt struct {
	Kind     string `json:"kind"`     // webhook, slack, email, exec
	Receiver string `json:"receiver"` // no secret, nor a path that may be one
	OK       bool   `json:"ok"`
	Error    string `json:"error,omitempty"`
}

// MonitorState is how the rules of the monitor stand.
type MonitorState struct {
	Rules      []MonitorRule `json:"rules"`
	Principals int           `json:"principals"` // of whom something is learned
	Learned    int           `json:"learned"`    // of whom it is known what they do
	Waiting    int           `json:"waiting"`    // alerts that a receiver has not taken yet
}

// MonitorRule is one rule.
type MonitorRule struct {
	Rule     string         `json:"rule"`
	Text     string         `json:"text"`
	On       bool           `json:"on"`
	Limit    int64          `json:"limit,omitempty"` // absent: the first is told
	Window   time.Duration  `json:"window"`          // in nanoseconds
	Subjects int            `json:"subjects"`        // of which something is kept
	Top      []MonitorCount `json:"top,omitempty"`   // those with the most
}

// MonitorCount is what a rule has counted of one subject.
type MonitorCount struct {
	Kind    string `json:"kind"`
	Subject string `json:"subject,omitempty"`
	Tenant  string `json:"tenant,omitempty"`
	Count   int64  `json:"count"`           // in the window, or since the alert
	Alert   bool   `json:"alert,omitempty"` // one stands
}

// Verification is what doorward audit verify found in the gateway's own log.
type Verification struct {
	Dir     string `json:"dir"`
	Records uint64 `json:"records"`
	Fault   string `json:"fault,omitempty"`
}

// Age is how old a secret or a key is.
type Age struct {
	Kind   string        `json:"kind"` // secret, api_key, audit_signer, audit_root
	Name   string        `json:"name"` // of the configuration; of an API key its id
	Since  time.Time     `json:"since,omitzero"`
	MaxAge time.Duration `json:"max_age"`         // in nanoseconds; 0: nobody said, and it counts nowhere
	Within bool          `json:"within"`          // it need not be replaced yet
	Fault  string        `json:"fault,omitempty"` // why its age is not known; it counts as overdue
}

// Monitoring is the care of alerts and figures.
type Monitoring interface {
	TestAlerts(ctx context.Context, actor string) ([]AlertAttempt, error)
	Standings(ctx context.Context) (MonitorState, error)
	Verified(ctx context.Context, actor string, v Verification) error
	// Ages are those of all secrets and keys, by kind and name.
	Ages(ctx context.Context) ([]Age, error)
}

// TestAlerts implements Monitoring.
func (c *Client) TestAlerts(ctx context.Context, _ string) ([]AlertAttempt, error) {
	return do[[]AlertAttempt](ctx, c, "/v1/monitor/test", struct{}{})
}

// Standings implements Monitoring.
func (c *Client) Standings(ctx context.Context) (MonitorState, error) {
	return do[MonitorState](ctx, c, "/v1/monitor", nil)
}

// Verified implements Monitoring.
func (c *Client) Verified(ctx context.Context, _ string, v Verification) error {
	_, err := do[struct{}](ctx, c, "/v1/monitor/verified", v)
	return err
}

// Ages implements Monitoring.
func (c *Client) Ages(ctx context.Context) ([]Age, error) {
	return do[[]Age](ctx, c, "/v1/monitor/ages", nil)
}

func monitoringRoutes() []Route {
	return []Route{
		{"GET /v1/monitor", StatusRead, func(op Operator, _ string, r *http.Request) (any, error) {
			return op.Standings(r.Context())
		}},
		{"GET /v1/monitor/ages", StatusRead, func(op Operator, _ string, r *http.Request) (any, error) {
			return op.Ages(r.Context())
		}},
		{"POST /v1/monitor/test", MonitorRun, withBody(func(ctx context.Context, op Operator, actor string, _ struct{}) (any, error) {
			return op.TestAlerts(ctx, actor)
		})},
		{"POST /v1/monitor/verified", MonitorRun, withBody(func(ctx context.Context, op Operator, actor string, v Verification) (any, error) {
			return struct{}{}, op.Verified(ctx, actor, v)
		})},
	}
}
