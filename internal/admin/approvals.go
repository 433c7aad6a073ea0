package admin

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Approval is a call that waits for people, as they see it: whole.
type Approval struct {
	ID        string    `json:"id"`
	State     string    `json:"state"` // waiting, granted, denied, expired, used
	Subject   string    `json:"subject"`
	Realm     string    `json:"realm"`
	Tenant    string    `json:"tenant,omitempty"`
	Exchange  string    `json:"exchange"` // that first asked
	Method    string    `json:"method"`
	Upstream  string    `json:"upstream"`
	Name      string    `json:"name"`
	Pin       string    `json:"pin"`
	Policy    string    `json:"policy"`
	Rule      string    `json:"rule"`
	Why       string    `json:"why,omitempty"` // which calls led to it, of a call that a flow holds
	Arguments string    `json:"arguments"`     // exactly the bytes that would be sent
	Roles     []string  `json:"roles,omitempty"`
	Needed    int       `json:"needed"`
	Self      bool      `json:"self,omitempty"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
	Used      time.Time `json:"used,omitzero"`
	Grants    []Consent `json:"grants,omitempty"`
	Denial    *Consent  `json:"denial,omitempty"`
}

// Consent is one person's decision.
type Consent struct {
	Realm   string    `json:"realm"`
	Subject string    `json:"subject"`
	At      time.Time `json:"at"`
}

// ApprovalDecision is what one person decides about an approval. Credential proves
// who that is: an API key or an access token, of a holder of one of its roles.
type ApprovalDecision struct {
	ID         string `json:"id"`
	Grant      bool   `json:"grant"`
	Credential string `json:"credential"`
}

// Approvals is the care of calls that wait for people.
type Approvals interface {
	ListApprovals(ctx context.Context) ([]Approval, error)
	ShowApproval(ctx context.Context, id string) (Approval, error)
	DecideApproval(ctx context.Context, actor string, d ApprovalDecision) (Approval, error)
}

// The permissions about approvals.
const (
	ApprovalsRead  Permission = "approvals:read"
	ApprovalsWrite Permission = "approvals:write"
)

// ListApprovals implements Approvals.
func (c *Client) ListApprovals(ctx context.Context) ([]Approval, error) {
	return do[[]Approval](ctx, c, "/v1/approvals", nil)
}

// ShowApproval implements Approvals.
func (c *Client) ShowApproval(ctx context.Context, id string) (Approval, error) {
	return do[Approval](ctx, c, "/v1/approvals/item?"+url.Values{"id": {id}}.Encode(), nil)
}

// DecideApproval implements Approvals.
func (c *Client) DecideApproval(ctx context.Context, _ string, d ApprovalDecision) (Approval, error) {
	return do[Approval](ctx, c, "/v1/approvals/decide", d)
}

func approvalRoutes() []Route {
	return []Route{
		{"GET /v1/approvals", ApprovalsRead, func(op Operator, _ string, r *http.Request) (any, error) {
			return op.ListApprovals(r.Context())
		}},
		{"GET /v1/approvals/item", ApprovalsRead, func(op Operator, _ string, r *http.Request) (any, error) {
			return op.ShowApproval(r.Context(), r.URL.Query().Get("id"))
		}},
		{"POST /v1/approvals/decide", ApprovalsWrite, withBody(func(ctx context.Context, op Operator, actor string, d ApprovalDecision) (any, error) {
			return op.DecideApproval(ctx, actor, d)
		})},
	}
}
