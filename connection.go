package seatrial

import (
	"fmt"
	"time"
)

// Connection is how a user's connections are made and kept.
type Connection struct {
	// Age is when a kept-alive connection is closed instead of used again,
	// counted from when it was opened. Zero means never.
	Age time.Duration `yaml:"connectionAge"`
	DNS DNS           `yaml:"dns"`
	// UserTimeout is Linux' TCP_USER_TIMEOUT: how long sent data, or a SYN, may
	// go without an acknowledgement before the connection counts as broken. Zero
	// leaves it to the kernel, which takes a quarter of an hour.
	UserTimeout time.Duration `yaml:"tcpUserTimeout"`
	// HTTP2 says to speak it, over TLS or without (h2c); nil is HTTP/1.1.
	HTTP2 *HTTP2 `yaml:"http2"`
	TLS   TLS    `yaml:"tls"`
}

// DNS is what a user remembers of names.
type DNS struct {
	// Cache is how long an address is used that a name was looked up for. Zero
	// means that every new connection asks.
	Cache CacheTime `yaml:"cache"`
}

// CacheTime is a time, [Forever] or [HonourTTL]. In YAML it is "30s", "forever"
// or "honourTTL".
type CacheTime time.Duration

// Forever remembers to the end of the attack, HonourTTL as long as the answer
// allows, which is for targets behind a [Front].
const (
	Forever   CacheTime = -1
	HonourTTL CacheTime = -2
)

// UnmarshalText reads "30s", "0s", "forever" or "honourTTL".
func (c *CacheTime) UnmarshalText(text []byte) error {
	switch string(text) {
	case "forever":
		*c = Forever
		return nil
	case "honourTTL":
		*c = HonourTTL
		return nil
	}
	d, err := time.ParseDuration(string(text))
	if err != nil || d < 0 {
		return fmt.Errorf("%q is no time to remember: write such as 30s, forever or honourTTL", text)
	}
	*c = CacheTime(d)
	return nil
}

// MarshalText is the inverse of [CacheTime.UnmarshalText].
func (c CacheTime) MarshalText() ([]byte, error) {
	switch c {
	case Forever:
		return []byte("forever"), nil
	case HonourTTL:
		return []byte("honourTTL"), nil
	}
	return []byte(time.Duration(c).String()), nil
}

// Over says whether an answer of that TTL which was learnt at a time is forgotten
// now.
func (c CacheTime) Over(learnt, now, ttl time.Duration) bool {
	if c == HonourTTL {
		c = CacheTime(ttl)
	}
	return c != Forever && now-learnt >= time.Duration(c)
}

// HTTP2 are the settings of that protocol.
type HTTP2 struct {
	// Ping is after how long without a frame a connection with requests is asked
	// whether it lives. Zero means never.
	Ping time.Duration `yaml:"ping"`
	// PingTimeout is how long the answer may take. Zero means 15 s.
	PingTimeout time.Duration `yaml:"pingTimeout"`
}

// TLS is how a server's certificate is judged.
type TLS struct {
	Insecure   bool   `yaml:"insecure"`   // it is not: any will do
	ServerName string `yaml:"serverName"` // in place of the URL's host
}
