"""The same heads read by Trivet's parser, by h11 and by llhttp, and each difference explained."""
