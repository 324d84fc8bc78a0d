select * from marts.next_best_actions
