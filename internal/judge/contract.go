package judge

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json"
)

// contract speaks Doorward's own contract.
type contract struct{ client *client }

// verdict is the answer of the contract, and of a model.
type verdict struct {
	Verdict string `json:"verdict"`
	Reason  string `json:"reason"`
}

func (c *contract) ask(ctx context.Context, question []byte) (Answer, error) {
	body, err := c.client.post(ctx, question)
	if err != nil {
		return Answer{}, err
	}
	return answerOf(body)
}

// answerOf reads one JSON object with a verdict, and nothing after it. Members
// that the contract does not have, and one that is there twice, are an error: a
// judge that says more than is understood may mean less than is read.
func answerOf(body []byte) (Answer, error) {
	var v verdict
	if err := json.Unmarshal(body, &v, json.RejectUnknownMembers(true)); err != nil {
		return Answer{}, fmt.Errorf("the judge's answer is not one of the contract: %w", err)
	}
	o, err := opinionOf(v.Verdict)
	return Answer{Opinion: o, Reason: v.Reason}, err
}
