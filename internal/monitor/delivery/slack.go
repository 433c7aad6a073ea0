package delivery

import (
	"context"
	"strings"

	"github.com/go-json-experiment/json"

	"doorward/internal/monitor"
)

// Slack is an incoming webhook of Slack, or of whatever takes the same shape.
type Slack struct {
	place Place
	post  Post
}

// NewSlack makes one. Its URL is the only secret that it has.
func NewSlack(name, at string, post Post) *Slack {
	return &Slack{place: Place{Kind: KindSlack, Name: name, At: at}, post: post}
}

// Place implements Receiver.
func (s *Slack) Place() Place { return s.place }

// Send implements Receiver.
func (s *Slack) Send(ctx context.Context, a *monitor.Alert) error {
	text := "Doorward: " + a.Text()
	if shown := visible(a); len(shown.Exchanges) > 0 {
		text += "\nexchanges: " + strings.Join(shown.Exchanges, " ")
	}
	text += "\nalert: " + a.ID
	// Slack gives <, > and & a meaning of their own: links, mentions of everybody.
	text = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)
	b, err := json.Marshal(struct {
		Text     string `json:"text"`
		Markdown bool   `json:"mrkdwn"` // false: names are shown as they are
		Unfurl   bool   `json:"unfurl_links"`
	}{Text: text})
	if err != nil {
		return err
	}
	return s.post(ctx, a.ID, b)
}
