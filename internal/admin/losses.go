package admin

import "context"

// Loss is a list of the state that is gone, or older than it was: incidents, revocations or
// keys.
type Loss struct {
	List   string `json:"list"`
	Reason string `json:"reason"`
}

// Losses is what somebody decides who cannot get a list back.
type Losses interface {
	// AcceptLoss begins a list that is gone anew, empty, and goes on with one that is older than
	// it was. It is refused where nothing is lost.
	AcceptLoss(ctx context.Context, actor string, l Loss) error
}

// AcceptLoss implements Losses.
func (c *Client) AcceptLoss(ctx context.Context, _ string, l Loss) error {
	_, err := do[struct{}](ctx, c, "/v1/state/accept-loss", l)
	return err
}

func lossRoutes() []Route {
	return []Route{
		{"POST /v1/state/accept-loss", IncidentsAct, withBody(func(ctx context.Context, op Operator, actor string, l Loss) (any, error) {
			return struct{}{}, op.AcceptLoss(ctx, actor, l)
		})},
	}
}
