package serve

import (
	"crypto/sha256"
	"testing"
	"time"
)

func TestSessionsEnd(t *testing.T) {
	s, now := newSessions(), time.Unix(1000, 0)
	sum := sha256.Sum256([]byte("token"))
	id := s.begin(sum, now)
	if got, ok := s.token(id, now.Add(sessionLife-time.Second)); !ok || got != sum {
		t.Error("it has ended too early")
	}
	if _, ok := s.token(id, now.Add(sessionLife)); ok {
		t.Error("it does not end")
	}
	if _, ok := s.token("", now); ok {
		t.Error("no id is one")
	}
	other := s.begin(sum, now)
	s.end(id)
	if _, ok := s.token(id, now); ok {
		t.Error("it goes on after its end")
	}
	if _, ok := s.token(other, now); !ok {
		t.Error("another has ended")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	s, now := newSessions(), time.Unix(1000, 0)
	sum := sha256.Sum256([]byte("token"))
	var ids []string
	for i := range mostSessions + 5 {
		ids = append(ids, s.begin(sum, now.Add(time.Duration(i)*time.Second)))
	}
	if len(s.all) != mostSessions {
		t.Errorf("%d sessions", len(s.all))
	}
	for i, id := range ids {
		if _, ok := s.token(id, now); ok != (i >= 5) {
			t.Errorf("session %d: %v", i, ok)
		}
	}
	s.begin(sum, now.Add(sessionLife+time.Hour)) // when all others are over
	if len(s.all) != 1 {
		t.Errorf("%d sessions are kept that are over", len(s.all))
	}
}
