package delivery

import (
	"context"

	"doorward/internal/monitor"
)

// Webhook is a receiver that is a program: it gets the alert in JSON.
type Webhook struct {
	place Place
	post  Post
}

// NewWebhook makes one. post signs.
func NewWebhook(name, at string, post Post) *Webhook {
	return &Webhook{place: Place{Kind: KindWebhook, Name: name, At: at}, post: post}
}

// Place implements Receiver.
func (w *Webhook) Place() Place { return w.place }

// Send implements Receiver.
func (w *Webhook) Send(ctx context.Context, a *monitor.Alert) error {
	b, err := body(a)
	if err != nil {
		return err
	}
	return w.post(ctx, a.ID, b)
}
