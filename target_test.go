package seatrial_test

import (
	"testing"

	"github.com/seatrial/seatrial"
)

func TestTargetsAreNamedWithoutTheirPasswords(t *testing.T) {
	for want, l := range map[string]seatrial.Load{
		"http://shop/items":                {Target: "http://shop/items"},
		"http://me:xxxxx@shop/":            {Target: "http://me:secret@shop/"},
		"http://me:xxxxx@shop/ and 1 more": {Target: "http://me:secret@shop/", Targets: []seatrial.Target{{}, {URL: "/cart"}}},
	} {
		if got := l.TargetWords(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestATimeToRememberIsReadAndWritten(t *testing.T) {
	for _, text := range []string{"0s", "30s", "forever"} {
		var c seatrial.CacheTime
		if err := c.UnmarshalText([]byte(text)); err != nil {
			t.Error(err)
		}
		if again, err := c.MarshalText(); err != nil || string(again) != text {
			t.Errorf("%s became %s, %v", text, again, err)
		}
	}
	for _, text := range []string{"", "30", "-1s", "always"} {
		if new(seatrial.CacheTime).UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q was read", text)
		}
	}
}
