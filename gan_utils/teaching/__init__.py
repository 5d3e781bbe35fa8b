"""Teaching: what makes an idea move in the page, and what says whether an answer is right."""

from gan_utils.teaching.answers import check as check
