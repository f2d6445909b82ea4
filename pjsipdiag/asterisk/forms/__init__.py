"""The usual shapes of headers, known by regular expressions before PJSIP's parser is asked."""
