"""Who people are and what they may: the htpasswd file, OIDC, the rules, and why they say so."""
