package admin

import "context"

// Erasure asks that the data of a person be made unreadable.
type Erasure struct {
	Subject string `json:"subject"` // in every realm and tenant, unless Keys names some
	// Keys are those to destroy, as KeysOf gives them; empty: all of the subject.
	Keys  []string `json:"keys,omitempty"`
	Basis string   `json:"basis"` // why, for the tombstone: the article of the law, the number of the request
}

// Erased is what came of an Erasure.
type Erased struct {
	Keys int `json:"keys"` // that were destroyed
	// Refused are those that a legal hold keeps (Art. 17(3) GDPR). They can be destroyed
	// when it is released.
	Refused []Refusal `json:"refused,omitempty"`
	// Elsewhere are places that may still name the person, and what to do there.
	Elsewhere []string `json:"elsewhere"`
}

// Privacy is what people may ask for about themselves.
type Privacy interface {
	Erase(ctx context.Context, actor string, e Erasure) (Erased, error)
}

// Erase implements Privacy.
func (c *Client) Erase(ctx context.Context, _ string, e Erasure) (Erased, error) {
	return do[Erased](ctx, c, "/v1/privacy/erase", e)
}

func privacyRoutes() []Route {
	return []Route{
		{"POST /v1/privacy/erase", PrivacyErase, withBody(func(ctx context.Context, op Operator, actor string, e Erasure) (any, error) {
			return op.Erase(ctx, actor, e)
		})},
	}
}
